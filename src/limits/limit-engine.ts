import { GatewayError } from '../errors.ts'
import type { PricedExchange } from '../traces/exchange.ts'
import type { TraceSpend } from '../traces/trace.ts'
import type { Actual, Counters, CounterState, Take, Verdict } from './counters.ts'
import type { BudgetWarnings } from './budget-warnings.ts'
import { Expectations, type Expectation, type Expected } from './expectations.ts'
import { LimitRefusal, standingOf, type LimitStanding } from './limit-refusal.ts'
import type { LimitPolicy } from './policy.ts'
import { CallerLimits, type Limit, type LimitFacts } from './resolve.ts'
import { Ticket } from './ticket.ts'

/** How long the recorder may take to tell what an exchange cost; past it, what was expected is charged. */
const PRICING_MS = 120_000
const SWEEP_MS = 10_000

/** How long a request waits for the receipts of others before a budget refuses it. */
const RECEIPT_MS = 500

/** How long counters may take to be told the rest at the end. */
const CLOSE_MS = 2000

/** A request that wants to pass. */
export interface LimitRequest {
  readonly id: string
  readonly limits: CallerLimits
  readonly facts: LimitFacts
  /** It may cost something. */
  readonly billable: boolean
  readonly expected: Expected
}

/** What the engine needs around it. */
export interface LimitEnginePorts {
  readonly counters: Counters
  readonly policies: () => readonly LimitPolicy[]
  /** How long counters may take to answer. */
  readonly timeoutMs: () => number
  readonly warnings: BudgetWarnings
  readonly log: (level: 'INFO' | 'WARN', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Totals since the process began. */
export interface LimitTotals {
  readonly admitted: number
  readonly refused: Readonly<Record<string, number>>
  readonly backendFailures: number
  readonly warnings: number
  /** Of each policy's budgets, the largest share that is spent. */
  readonly spent: Readonly<Record<string, number>>
  /** Exchanges whose cost stayed unknown, so that what was expected was charged. */
  readonly assumed: number
}

/** Holds requests to the limits of their callers: takes before, settles after. */
export class LimitEngine {
  readonly #ports: LimitEnginePorts
  readonly #expectations = new Expectations()
  readonly #tickets = new Map<string, Ticket>()
  #waiting: (() => void)[] = []
  readonly #telling = new Set<Promise<void>>()
  readonly #refused: Record<string, number> = {}
  #totals = { admitted: 0, backendFailures: 0, assumed: 0 }
  #failing = false
  readonly #timer: ReturnType<typeof setInterval>

  constructor(ports: LimitEnginePorts) {
    this.#ports = ports
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /** The limits that may hold for a caller. @param own the key's own limits */
  limitsOf(facts: Pick<LimitFacts, 'caller' | 'counterId'>, own: readonly LimitPolicy[]): CallerLimits {
    return new CallerLimits(this.#ports.policies(), own, facts)
  }

  /** Names this process and its present term in the ledger. */
  term(): string {
    return this.#ports.counters.term(Date.now())
  }

  /** Whom the cost of an exchange counts for that no limit was asked about. */
  unlimited(limits: CallerLimits): TraceSpend {
    return { subjects: limits.spenders, instance: this.term(), assumedNanoUsd: 0, reserved: false }
  }

  /**
   * Lets a request pass, or not.
   *
   * @throws GatewayError LimitRefusal; `limits_unavailable` when what was counted cannot be learnt and a policy wants that denied
   */
  admit(request: LimitRequest): Ticket | Promise<Ticket> {
    const nowMs = Date.now()
    const { facts, limits, expected, billable } = request
    const resolved = limits.resolve(facts, nowMs)
    const { size, spenders } = resolved
    if (size && expected.requestBytes > size.value)
      throw this.#refuse(size, { used: expected.requestBytes, reserved: 0, resetMs: Infinity }, nowMs)
    const counted = billable ? resolved.counted : resolved.countedFree
    const pair = expected.streaming ? `${resolved.pair} stream` : resolved.pair
    const expectation = this.#expectations.of(pair, billable ? expected : FREE)
    const takes: Take[] = []
    for (const limit of counted) takes.push(limit.take ?? takeOf(limit, expectation))
    const ticket = new Ticket(request, { limits: counted, takes, spenders }, expectation, pair, this)
    if (takes.length === 0) return ticket
    const verdict = this.#ports.counters.admit(request.id, takes, nowMs)
    if (verdict instanceof Promise || this.#mayChange(ticket, verdict)) return this.#wait(ticket, verdict)
    return this.#decide(ticket, verdict)
  }

  /** Waits for counters that are elsewhere, and for receipts that are on their way. */
  async #wait(ticket: Ticket, first: Verdict | Promise<Verdict>): Promise<Ticket> {
    const until = performance.now() + RECEIPT_MS
    try {
      for (let asked = first; ; asked = this.#ports.counters.admit(ticket.id, ticket.takes, Date.now())) {
        const verdict = await this.#inTime(asked, () => this.#release(ticket))
        if (this.#failing) this.#ports.log('INFO', 'limits can be checked again', {})
        this.#failing = false
        if (performance.now() > until || !this.#mayChange(ticket, verdict))
          return this.#decide(ticket, verdict)
        await this.#nextReceipt(until)
      }
    } catch (error) {
      return this.#unavailable(ticket, error)
    }
  }

  /**
   * A budget is refused for what is only expected of requests that have ended: in some milliseconds their receipts tell, and there
   * may be money left.
   */
  #mayChange({ takes }: Ticket, { refusedBy, states }: Verdict): boolean {
    const take = takes[refusedBy]
    if (take?.kind !== 'budget' || states[refusedBy]!.used >= take.limit) return false
    for (const other of this.#tickets.values()) {
      if (other.endedAt > 0 && other.takes.some(({ counter }) => counter === take.counter)) return true
    }
    return false
  }

  #nextReceipt(until: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, until - performance.now()))
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** What exchanges came to. */
  priced(bills: readonly PricedExchange[]): void {
    for (const bill of bills) {
      const ticket = this.#tickets.get(bill.id)
      if (ticket) this.#settle(ticket, bill)
    }
    for (const go of this.#waiting.splice(0)) go()
  }

  /** Nobody will tell what an exchange came to. */
  dropped(id: string): void {
    const ticket = this.#tickets.get(id)
    if (ticket) this.#settle(ticket, undefined)
  }

  /** Where the limits of a caller stand. */
  async standings(limits: CallerLimits, facts: LimitFacts): Promise<readonly LimitStanding[]> {
    const nowMs = Date.now()
    const { limits: held, counted } = limits.resolve(facts, nowMs)
    const takes = counted.map((limit) => limit.take ?? takeOf(limit, NOTHING))
    const states = await this.#inTime(
      Promise.resolve(this.#ports.counters.read(takes, nowMs)),
      () => undefined,
    )
    return held.map((limit) => {
      const state = states[counted.indexOf(limit)] ?? { used: 0, reserved: 0, resetMs: Infinity }
      return standingOf(limit, state, nowMs)
    })
  }

  totals(): LimitTotals {
    const { warnings } = this.#ports
    return {
      ...this.#totals,
      warnings: warnings.count,
      spent: warnings.spent(Date.now()),
      refused: { ...this.#refused },
    }
  }

  /** Tells the counters the rest, for a while, and closes them. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.race([Promise.all(this.#telling), Bun.sleep(CLOSE_MS)])
    await this.#ports.counters.close()
  }

  /** Called by a ticket whose exchange has ended. */
  ended(ticket: Ticket, awaited: boolean): void {
    const { id, takes } = ticket
    this.#ports.counters.ended(id, takes)
    if (awaited) return
    // It was never sent, so it cost nothing.
    this.#tickets.delete(id)
    this.#track(this.#ports.counters.settle(id, takes, NO_ACTUAL, Date.now()))
  }

  /** Called by a ticket whose answer outgrows what was expected. */
  grow({ id, takes }: Ticket, more: Actual): void {
    this.#ports.counters.grow(id, takes, more)
  }

  #decide(ticket: Ticket, { refusedBy, states }: Verdict): Ticket {
    if (refusedBy >= 0) throw this.#refuse(ticket.limits[refusedBy]!, states[refusedBy]!, Date.now())
    this.#totals.admitted += 1
    this.#tickets.set(ticket.id, ticket)
    ticket.admitted = true
    return ticket
  }

  #refuse(limit: Limit, state: CounterState, nowMs: number): LimitRefusal {
    const refusal = new LimitRefusal(limit, state, nowMs)
    this.#refused[refusal.code] = (this.#refused[refusal.code] ?? 0) + 1
    return refusal
  }

  #unavailable(ticket: Ticket, error: unknown): Ticket {
    if (error instanceof GatewayError) throw error
    this.#totals.backendFailures += 1
    if (!this.#failing) {
      this.#failing = true
      this.#ports.log('WARN', 'limits cannot be checked', {
        error: error instanceof Error ? error.message : String(error),
      })
    }
    if (ticket.limits.some(({ policy }) => policy.onBackendFailure === 'deny')) {
      throw new GatewayError('limits_unavailable', 'gateway usage limit check unavailable', { cause: error })
    }
    return ticket
  }

  /** @param late called when the answer comes after all, but too late */
  #inTime<T>(answer: T | Promise<T>, late: () => void): Promise<T> {
    if (!(answer instanceof Promise)) return Promise.resolve(answer)
    const timeoutMs = this.#ports.timeoutMs()
    return new Promise((resolve, reject) => {
      let over = false
      const timer = setTimeout(() => {
        over = true
        reject(new Error(`no answer within ${timeoutMs} ms`))
      }, timeoutMs)
      answer.then(
        (value) => {
          clearTimeout(timer)
          return over ? late() : resolve(value)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(error instanceof Error ? error : new Error(String(error)))
        },
      )
    })
  }

  #release({ id, takes }: Ticket): void {
    this.#ports.counters.ended(id, takes)
    this.#track(this.#ports.counters.settle(id, takes, NO_ACTUAL, Date.now()))
  }

  /** Counters that are elsewhere are told without waiting; they see to it themselves that nothing stays untold. */
  #track(told: unknown): void {
    if (!(told instanceof Promise)) return
    const done: Promise<void> = told
      .then(() => undefined)
      .catch(() => undefined)
      .finally(() => this.#telling.delete(done))
    this.#telling.add(done)
  }

  #settle(ticket: Ticket, bill: PricedExchange | undefined): void {
    const { id, takes, requestBytes, responseBytes } = ticket
    this.#tickets.delete(id)
    const known = bill !== undefined && bill.costNanoUsd !== null
    if (!known) this.#totals.assumed += 1
    if (bill && bill.costNanoUsd !== null && bill.outputTokens > 0) {
      const { costNanoUsd, outputNanoUsd, inputTokens, outputTokens } = bill
      this.#expectations.learn(ticket.pair, {
        costNanoUsd,
        outputNanoUsd,
        inputTokens,
        outputTokens,
        requestBytes,
        responseBytes,
      })
    }
    const actual = {
      costNanoUsd: bill?.costNanoUsd ?? ticket.spend.assumedNanoUsd,
      tokens: bill ? bill.inputTokens + bill.outputTokens : 0,
    }
    const { counters, warnings } = this.#ports
    const states = counters.settle(id, takes, actual, Date.now())
    if (states instanceof Promise) this.#track(states.then((told) => warnings.give(ticket, told)))
    else warnings.give(ticket, states)
  }

  #sweep(): void {
    const before = performance.now() - PRICING_MS
    for (const ticket of this.#tickets.values()) {
      if (ticket.endedAt > 0 && ticket.endedAt < before) this.#settle(ticket, undefined)
    }
  }
}

/** What a request that may cost nothing is expected to cost. */
const FREE: Expected = { requestBytes: 0, maxOutputTokens: 0, streaming: false, rates: undefined }
const NO_ACTUAL: Actual = { costNanoUsd: 0, tokens: 0 }
const NOTHING = { learned: true, costNanoUsd: 0, tokens: 0 }

/** A guess takes no more than this share of a budget: a few requests of which nothing is known must not hold it all. */
const GUESS_SHARE = 1 / 20

/** What a request takes of limits on tokens and money. */
function takeOf(
  limit: Limit,
  { learned, costNanoUsd, tokens }: Pick<Expectation, 'learned' | 'costNanoUsd' | 'tokens'>,
): Take {
  const { kind, counter, value, policy, window } = limit
  if (kind === 'tokens_per_minute')
    return { kind: 'rate', counter, limit: value, amount: tokens, settles: true }
  const expected = kind === 'cost' ? costNanoUsd : tokens
  return {
    kind: 'budget',
    counter,
    unit: kind === 'cost' ? 'cost' : 'tokens',
    limit: value,
    amount: learned ? expected : Math.min(expected, Math.ceil(value * GUESS_SHARE)),
    hard: policy.budget.enforcement === 'hard',
    startMs: window!.startMs,
    endMs: window!.endMs,
  }
}
