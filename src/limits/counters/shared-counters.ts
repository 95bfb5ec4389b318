import { backgroundClock, CoalescingTimer } from '../../time/coalescing-timer.ts'
import { slotOf } from '../policies/budget-window.ts'
import type { Budget, CounterState, Take } from '../policies/take.ts'
import {
  leastAmount,
  type Actual,
  type Claim,
  type Counters,
  type Held,
  type ReadLedger,
  type Verdict,
} from './counters.ts'

/** How long the lease of a running request lasts, and how often its gateway renews it. */
const LEASE_MS = 120_000
const RENEW_MS = 30_000

/** How long to wait after a failed report to a backend. By then the ledger has the spending. */
const FORGET_MS = 1000

/** Requests whose leases are renewed in one batch. */
const RENEW_REQUESTS = 500

/** A request to a backend, whose clock decides. */
export type SharedOperation = 'admit' | 'read' | 'grow' | 'ended' | 'settle' | 'renew' | 'forget'

/** A take as sent to a backend. The names are short because every request sends it. */
export interface SharedTake {
  readonly k: 'rate' | 'conc' | 'budget'
  /** Counter. */
  readonly c: string
  /** Limit. */
  readonly l: number
  /** Amount. */
  readonly a: number
  /** Rates: whether tokens are settled. Budgets: 0 for soft, 1 for hard, 2 for strict. */
  readonly f: 0 | 1 | 2
  /** Budgets: `cost` or `tokens`, beginning and end of the window in epoch milliseconds. */
  readonly u: 'cost' | 'tokens' | ''
  readonly s: number
  readonly e: number
}

/** A question to a backend. */
export interface SharedRequest {
  readonly id: string
  /** Quarter hour in which the request began, epoch milliseconds. */
  readonly slot: number
  readonly takes: readonly SharedTake[]
  /** Second of the backend's clock at admission. 0 before. */
  readonly second: number
  readonly cost: number
  /** Also charged to budgets that count what subscriptions pay. */
  readonly included: number
  readonly tokens: number
  readonly lease: number
  /** The ledger's sums for windows that the backend does not know: counter, beginning, nano-USD, tokens. */
  readonly seeds: readonly (readonly [string, number, number, number])[]
  /** Requests whose leases are renewed, with their takes. */
  readonly renew: readonly { readonly id: string; readonly takes: readonly SharedTake[] }[]
}

/** A backend's response. */
export interface SharedReply {
  /** Index of the first take that has no room; -1 for none. */
  readonly refused: number
  readonly second: number
  /** Used, reserved, milliseconds until there is room, as texts: some are larger than JSON of every backend keeps exactly. */
  readonly states: readonly (readonly [string, string, string])[]
  /** Takes whose windows the backend does not know; nothing was taken then. */
  readonly missing: readonly number[]
}

/** A backend in which several gateways count. One query is one round trip, with one complete response. */
export interface SharedBackend {
  apply(operation: SharedOperation, request: SharedRequest): Promise<SharedReply>
  close(): void | Promise<void>
}

/** Counters that several gateways share. */
export class SharedCounters implements Counters {
  readonly shared = true
  readonly #instance = crypto.randomUUID()
  readonly #backend: SharedBackend
  readonly #readLedger: ReadLedger
  /** Requests whose leases must be renewed. */
  readonly #open = new Set<SharedRequest>()
  readonly #timer: ReturnType<typeof setInterval>
  readonly #unreported = new Map<string, SharedTake>()
  #unreportedId = ''
  readonly #forgetting = new CoalescingTimer(() => this.#forget(), backgroundClock)
  #closed = false

  constructor(backend: SharedBackend, readLedger: ReadLedger) {
    this.#backend = backend
    this.#readLedger = readLedger
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS)
    this.#timer.unref()
  }

  term(): string {
    return this.#instance
  }

  async admit(claim: Claim, nowMs: number): Promise<Verdict> {
    const { id, takes } = claim
    const slot = slotOf(nowMs)
    const shared = takes.map((take, i) => sharedTake(take, claim.amountOf(i)))
    const reply = await this.#ask('admit', { id, slot, takes: shared })
    if (reply.refused >= 0) return { held: undefined, states: reply.states.map(stateOf) }
    const open = { ...NO_REQUEST, id, slot, takes: shared, second: reply.second }
    this.#open.add(open)
    return { held: this.#held(open) }
  }

  #held(open: SharedRequest): Held {
    const { takes } = open
    return {
      grow: (more) => {
        // A strict budget reserves the maximum, so it never grows.
        const strict = new Set(takes.filter(({ k, f }) => k === 'budget' && f === 2).map(({ c }) => c))
        const growing = takes.filter(({ k, c }) => k === 'budget' && !strict.has(c))
        if (growing.length > 0) this.#report('grow', { ...open, takes: growing, ...amountsOf(more) })
      },
      ended: () => {
        if (takes.some(({ k }) => k === 'conc')) this.#report('ended', open)
      },
      settle: (actual) => {
        this.#open.delete(open)
        const settles = takes.some(({ k, f }) => k === 'budget' || (k === 'rate' && f === 1))
        return settles ? this.#settle(open, actual) : Promise.resolve([])
      },
    }
  }

  async #settle(open: SharedRequest, actual: Actual): Promise<readonly CounterState[]> {
    const request = { ...open, ...amountsOf(actual) }
    try {
      const reply = await this.#backend.apply('settle', request)
      return reply.states.map(stateOf)
    } catch (error) {
      if (request.cost + request.included + request.tokens > 0) this.#forgetLater(request)
      throw error
    }
  }

  /**
   * A settlement failed, or its result is unknown. The backend drops its sums, which are then read from the ledger
   * again. Repeated until it succeeds.
   */
  #forgetLater(request: SharedRequest): void {
    if (this.#closed) return
    for (const take of request.takes)
      if (take.k === 'budget') this.#unreported.set(`${take.c} ${take.s}`, take)
    this.#unreportedId ||= request.id
    this.#forgetting.arm(FORGET_MS)
  }

  #forget(): void {
    const asked = { ...NO_REQUEST, id: this.#unreportedId, takes: [...this.#unreported.values()] }
    this.#unreported.clear()
    this.#unreportedId = ''
    this.#backend.apply('forget', asked).catch(() => this.#forgetLater(asked))
  }

  async read(takes: readonly Take[], nowMs: number): Promise<readonly CounterState[]> {
    const shared = takes.map((take) => sharedTake(take, leastAmount(take)))
    const reply = await this.#ask('read', { id: '', slot: slotOf(nowMs), takes: shared })
    return reply.states.map(stateOf)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    this.#forgetting.cancel()
    await this.#backend.close()
  }

  /** Queries the backend. If it does not know a window, queries again with the ledger's sums. */
  async #ask(operation: 'admit' | 'read', request: Partial<SharedRequest>): Promise<SharedReply> {
    const asked = { ...NO_REQUEST, ...request }
    const reply = await this.#backend.apply(operation, asked)
    if (reply.missing.length === 0) return reply
    const missing = reply.missing.map((index) => asked.takes[index]!)
    const fromMs = Math.min(...missing.map(({ s }) => s))
    const slots = await this.#readLedger([...new Set(missing.map(({ c }) => c))], fromMs, [])
    const seeds = missing.map(({ c, s }) => {
      const spent = slots.filter(({ subject, slotMs }) => subject === c && slotMs >= s)
      const sum = (member: 'costNanoUsd' | 'tokens'): number =>
        spent.reduce((total, slot) => total + slot[member], 0)
      return [c, s, sum('costNanoUsd'), sum('tokens')] as const
    })
    return this.#backend.apply(operation, { ...asked, seeds })
  }

  /** Reports without waiting. If a report is lost, the lease expires by itself. */
  #report(operation: SharedOperation, request: SharedRequest): void {
    this.#backend.apply(operation, request).catch(() => undefined)
  }

  async #renew(): Promise<void> {
    const open = [...this.#open].map(({ id, takes }) => ({
      id,
      takes: takes.filter(({ k }) => k !== 'rate'),
    }))
    for (let i = 0; i < open.length; i += RENEW_REQUESTS) {
      this.#report('renew', { ...NO_REQUEST, renew: open.slice(i, i + RENEW_REQUESTS) })
    }
  }
}

/** A query without any take. */
export const NO_REQUEST: SharedRequest = {
  id: '',
  slot: 0,
  takes: [],
  second: 0,
  cost: 0,
  included: 0,
  tokens: 0,
  lease: LEASE_MS,
  seeds: [],
  renew: [],
}

const FLAGS: Readonly<Record<Budget['enforcement'], 0 | 1 | 2>> = { soft: 0, hard: 1, strict: 2 }

function amountsOf({
  costNanoUsd,
  includedNanoUsd = 0,
  tokens,
}: Actual): Pick<SharedRequest, 'cost' | 'included' | 'tokens'> {
  return { cost: costNanoUsd, included: includedNanoUsd, tokens }
}

function sharedTake(take: Take, amount: number): SharedTake {
  const none = { u: '', s: 0, e: 0 } as const
  switch (take.kind) {
    case 'rate':
      return { k: 'rate', c: take.counter, l: take.limit, a: amount, f: take.settles ? 1 : 0, ...none }
    case 'concurrency':
      return { k: 'conc', c: take.counter, l: take.limit, a: 1, f: 1, ...none }
    case 'budget':
      return {
        k: 'budget',
        c: take.counter,
        l: take.limit,
        a: amount,
        f: FLAGS[take.enforcement],
        u: take.unit,
        s: take.startMs,
        // JSON has no infinity.
        e: Number.isFinite(take.endMs) ? take.endMs : 0,
      }
    default:
      return take satisfies never
  }
}

function stateOf([used, reserved, resetMs]: readonly [string, string, string]): CounterState {
  return {
    used: Number(used),
    reserved: Number(reserved),
    resetMs: Number(resetMs) < 0 ? Infinity : Number(resetMs),
  }
}
