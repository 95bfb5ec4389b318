import { GatewayError } from '../errors.ts'
import { inTime } from '../in-time.ts'
import { LATE_MS } from '../patient-timer.ts'
import type { Caller, PricedExchange } from '../traces/exchange.ts'
import type { TraceSpend } from '../traces/trace.ts'
import type { Actual, Counters, CounterState, Held, Verdict } from './counters.ts'
import type { BudgetWarnings } from './budget-warnings.ts'
import { AwaitedReceipts } from './awaited-receipts.ts'
import { Expectations, type Expectation, type Expected } from './expectations.ts'
import { Guesses } from './guesses.ts'
import { LimitRefusal, standingOf, type LimitStanding } from './limit-refusal.ts'
import type { LimitPolicy } from './policy.ts'
import {
  CallerLimits,
  type CountedLimits,
  type Limit,
  type LimitCaller,
  type LimitFacts,
  type ResolvedLimits,
} from './resolve.ts'
import type { RollingRoom } from './rolling-room.ts'
import { TenantTallies, type LimitTotals } from './tenant-tallies.ts'
import { Ticket } from './ticket.ts'

/** How long the recorder may take to tell what an exchange cost; past it, what was expected is charged. */
const PRICING_MS = 120_000
const SWEEP_MS = 10_000

/** How long a request waits for the receipts of others, before a budget refuses it or lets it pass on a guess. */
const RECEIPT_MS = 500

/** How long a request waits while a budget is held by requests of which nothing is known, and which most likely come to less. */
const GUESS_MS = 10_000

/** Between two questions of one that waits, where no receipt tells it when to ask; it doubles each time. */
const PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

/** How long counters may take to be told the rest at the end. */
const CLOSE_MS = 2000

/** A request that wants to pass. */
export interface LimitRequest extends LimitFacts, Expected {
  readonly id: string
  readonly limits: CallerLimits
  /** It may cost something. */
  readonly billable: boolean
  /** A subscription pays for it, as far as its credential tells. */
  readonly subscription: boolean
}

/** What the engine needs around it. */
export interface LimitEnginePorts {
  readonly counters: Counters
  readonly policies: () => readonly LimitPolicy[]
  /** How long counters may take to answer. */
  readonly timeoutMs: () => number
  readonly warnings: BudgetWarnings
  readonly rollingRoom: RollingRoom
  readonly log: (level: 'INFO' | 'WARN', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Holds requests to the limits of their callers: takes before, settles after. */
export class LimitEngine {
  readonly #ports: LimitEnginePorts
  readonly #expectations = new Expectations()
  readonly #receipts = new AwaitedReceipts()
  readonly #guesses = new Guesses()
  /** Of those that were settled at once, one for each set of limits. */
  readonly #settled = new Map<CountedLimits, Ticket>()
  readonly #telling = new Set<Promise<void>>()
  readonly #tallies = new TenantTallies()
  #failing = false
  #sweptAt = performance.now()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(ports: LimitEnginePorts) {
    this.#ports = ports
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /** The limits that may hold for a caller. @param own the key's own limits */
  limitsOf(of: LimitCaller, own: readonly LimitPolicy[]): CallerLimits {
    return new CallerLimits(this.#ports.policies(), own, of, this.#tallies.of(of.caller))
  }

  /** Whom the cost of an exchange counts for that no limit was asked about. */
  unlimited(limits: CallerLimits): TraceSpend {
    const instance = this.#ports.counters.term(Date.now())
    return { subjects: limits.spenders, instance, assumedNanoUsd: 0, reserved: false }
  }

  /**
   * Lets a request pass, or not.
   *
   * @param nowMs epoch milliseconds
   * @throws GatewayError LimitRefusal; `limits_unavailable` when what was counted cannot be learnt and a policy wants that denied
   */
  admit(request: LimitRequest, nowMs: number): Ticket | Promise<Ticket> {
    return this.#admit(request, nowMs, false)
  }

  /** @param waited it has waited to learn what its kind comes to, and does not again: others may tell nothing */
  #admit(request: LimitRequest, nowMs: number, waited: boolean): Ticket | Promise<Ticket> {
    const ticket = this.#ticketOf(request, nowMs)
    if (ticket.takes.length === 0) return ticket
    if (!waited && ticket.guessesLess) {
      if (this.#guesses.maySpendAll(ticket)) return this.#afterOthers(request)
      // Without its receipt, one request after another would pass on guesses that hold less than it costs.
      const before = this.#receipts.lastOf(ticket.pair)
      if (before)
        return this.#receipts.of(before, RECEIPT_MS).then(() => this.#admit(request, Date.now(), true))
    }
    const verdict = this.#ask(ticket, nowMs)
    if (verdict instanceof Promise || !verdict.held) return this.#wait(request, ticket, verdict)
    return this.#pass(ticket, verdict.held)
  }

  /** @throws LimitRefusal for content that is too large */
  #ticketOf(request: LimitRequest, nowMs: number): Ticket {
    const { requestBytes, billable } = request
    const resolved = request.limits.resolve(request, nowMs)
    const { size } = resolved
    if (size && requestBytes > size.value)
      throw this.#refuse(request.limits, size, { used: requestBytes, reserved: 0, resetMs: Infinity }, nowMs)
    const expectation = billable ? this.#expectations.of(pairOf(request, resolved), request) : FREE
    return new Ticket(request, resolved, expectation, this.#ports.counters.term(nowMs), this)
  }

  /** Asks the counters. From then on others know that it guesses. */
  #ask(ticket: Ticket, nowMs: number): Verdict | Promise<Verdict> {
    this.#guesses.count(ticket, 1)
    const verdict = this.#ports.counters.admit(ticket, nowMs)
    if (verdict instanceof Promise) return this.#told(ticket, verdict)
    if (!verdict.held) this.#guesses.count(ticket, -1)
    return verdict
  }

  /** What counters say that are elsewhere. @throws Error when they do not, or not in time */
  async #told(ticket: Ticket, answer: Promise<Verdict>): Promise<Verdict> {
    let held: Held | undefined
    try {
      const late = (verdict: Verdict): void => verdict.held && this.#release(verdict.held)
      const verdict = await inTime(answer, this.#ports.timeoutMs(), late)
      if (this.#failing) this.#ports.log('INFO', 'limits can be checked again', {})
      this.#failing = false
      held = verdict.held
      return verdict
    } finally {
      if (!held) this.#guesses.count(ticket, -1)
    }
  }

  /**
   * Waits for what counters say, and while they refuse for what others may give back soon.
   *
   * @throws LimitRefusal
   */
  async #wait(request: LimitRequest, ticket: Ticket, first: Verdict | Promise<Verdict>): Promise<Ticket> {
    const { shared } = this.#ports.counters
    const sinceMs = performance.now()
    let untilMs = sinceMs + RECEIPT_MS
    let pauseMs = PAUSE_MS
    try {
      for (let asked = first; ; asked = this.#ask(ticket, Date.now())) {
        const answer = await asked
        if (answer.held) return this.#pass(ticket, answer.held)
        const verdict = bySpentBudget(ticket, answer)
        const hope = this.#hopeOf(ticket, verdict)
        const nowMs = performance.now()
        if (hope === 'guesses') untilMs = Math.min(nowMs + RECEIPT_MS, sinceMs + GUESS_MS)
        if (hope === 'none' || nowMs >= untilMs) throw await this.#refusalOf(ticket, verdict)
        if (!shared && nowMs < sinceMs + RECEIPT_MS) await this.#receipts.next(sinceMs + RECEIPT_MS)
        else {
          await Bun.sleep(pauseMs)
          pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
        }
        // A process that was paused has heard nothing meanwhile.
        if (performance.now() - nowMs > MAX_PAUSE_MS + LATE_MS) untilMs = performance.now() + RECEIPT_MS
        // By now there may be more to expect of it than a guess.
        ticket = this.#ticketOf(request, Date.now())
      }
    } catch (error) {
      return this.#unavailable(ticket, error)
    }
  }

  /** Waits until others of which nothing was known have told what such requests come to, or for so long. */
  async #afterOthers(request: LimitRequest): Promise<Ticket> {
    const untilMs = performance.now() + GUESS_MS
    while (performance.now() < untilMs) {
      await this.#receipts.next(untilMs)
      const ticket = this.#ticketOf(request, Date.now())
      if (!ticket.guessesLess || !this.#guesses.maySpendAll(ticket))
        return this.#admit(request, Date.now(), false)
    }
    return this.#admit(request, Date.now(), true)
  }

  /**
   * Why a budget that refuses may soon not. It refuses for what is only expected of others: of some that have ended, whose receipts
   * tell in some milliseconds, or of some of which nothing is known and which hold more than they will come to.
   */
  #hopeOf(ticket: Ticket, { refusedBy, states }: Refused): 'none' | 'receipts' | 'guesses' {
    const { shared } = this.#ports.counters
    const take = ticket.takes[refusedBy]!
    if (take.kind !== 'budget' || states[refusedBy]!.used >= take.limit) return 'none'
    if (this.#guesses.has(take)) return 'guesses'
    // Of the requests of other gateways nothing is known here: where this one is a guess, theirs may be.
    if (shared) return ticket.guesses(take) ? 'guesses' : 'receipts'
    return this.#receipts.counts(take.counter) ? 'receipts' : 'none'
  }

  /** What exchanges came to. */
  priced(bills: readonly PricedExchange[]): void {
    const nowMs = Date.now()
    for (const bill of bills) {
      const ticket = this.#receipts.take(bill.ticket)
      if (ticket) this.#settle(ticket, bill, nowMs)
    }
    this.#afterSettling(nowMs)
  }

  /** Nobody will tell what an exchange came to. @param number of its ticket */
  dropped(number: number): void {
    const ticket = this.#receipts.take(number)
    if (!ticket) return
    const nowMs = Date.now()
    this.#settle(ticket, undefined, nowMs)
    this.#afterSettling(nowMs)
  }

  /** Where the limits of a caller stand. */
  async standings(limits: CallerLimits, facts: LimitFacts): Promise<readonly LimitStanding[]> {
    const nowMs = Date.now()
    const { limits: held, counted } = limits.resolve(facts, nowMs)
    const asked = this.#ports.counters.read(counted.takes, nowMs)
    const states = await inTime(Promise.resolve(asked), this.#ports.timeoutMs())
    const standings = held.map(async (limit) => {
      const state = states[counted.limits.indexOf(limit)] ?? { used: 0, reserved: 0, resetMs: Infinity }
      return standingOf(limit, await this.#withRoom(limit, state, nowMs), nowMs)
    })
    return Promise.all(standings)
  }

  /** What this process has counted since it began. @param counts of which tenants; of all when absent */
  totals(counts?: (tenant: Caller) => boolean): LimitTotals {
    return this.#tallies.sum(counts)
  }

  /** Of each policy's budgets, the largest share that is spent. */
  spent(): Readonly<Record<string, number>> {
    return this.#ports.warnings.spent(Date.now())
  }

  /** Tells the counters the rest, for a while, and closes them. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.race([Promise.all(this.#telling), Bun.sleep(CLOSE_MS)])
    await this.#ports.counters.close()
  }

  /** Called by a ticket whose exchange has ended. @param awaited what it came to will be told */
  ended(ticket: Ticket, held: Held, awaited: boolean): void {
    held.ended()
    if (awaited) this.#receipts.add(ticket)
    else {
      // It was never sent, so it cost nothing; or nothing counts what it cost.
      this.#guesses.count(ticket, -1)
      this.#track(held.settle(NO_ACTUAL, Date.now()))
      this.#receipts.wake()
    }
  }

  #pass(ticket: Ticket, held: Held): Ticket {
    ticket.limits.tally.admitted += 1
    ticket.held = held
    return ticket
  }

  async #refusalOf(ticket: Ticket, { refusedBy, states }: Refused): Promise<LimitRefusal> {
    const limit = ticket.counted.limits[refusedBy]!
    const nowMs = Date.now()
    return this.#refuse(ticket.limits, limit, await this.#withRoom(limit, states[refusedBy]!, nowMs), nowMs)
  }

  /** Where a limit stands. Of a rolling budget that is spent, the ledger knows when there is room again. */
  async #withRoom({ policy, take }: Limit, state: CounterState, nowMs: number): Promise<CounterState> {
    if (take?.kind !== 'budget' || policy.budget.period !== 'rolling' || state.used < take.limit) return state
    const atMs = await this.#ports.rollingRoom.at(take, state.used, nowMs)
    return { ...state, resetMs: atMs - nowMs }
  }

  #refuse({ tally }: CallerLimits, limit: Limit, state: CounterState, nowMs: number): LimitRefusal {
    const refusal = new LimitRefusal(limit, state, nowMs)
    tally.refused[refusal.code] = (tally.refused[refusal.code] ?? 0) + 1
    return refusal
  }

  #unavailable(ticket: Ticket, error: unknown): Ticket {
    if (error instanceof GatewayError) throw error
    ticket.limits.tally.backendFailures += 1
    if (!this.#failing) {
      this.#failing = true
      this.#ports.log('WARN', 'limits cannot be checked', {
        error: error instanceof Error ? error.message : String(error),
      })
    }
    if (ticket.counted.limits.some(({ policy }) => policy.onBackendFailure === 'deny')) {
      throw new GatewayError('limits_unavailable', 'gateway usage limit check unavailable', { cause: error })
    }
    return ticket
  }

  #release(held: Held): void {
    held.ended()
    this.#track(held.settle(NO_ACTUAL, Date.now()))
  }

  /** Counters that are elsewhere are told without waiting; they see to it themselves that nothing stays untold. */
  #track(told: Promise<unknown> | undefined): void {
    if (!told) return
    const done: Promise<void> = told
      .then(() => undefined)
      .catch(() => undefined)
      .finally(() => this.#telling.delete(done))
    this.#telling.add(done)
  }

  #settle(ticket: Ticket, bill: PricedExchange | undefined, nowMs: number): void {
    this.#guesses.count(ticket, -1)
    const priceNanoUsd = bill ? priceOf(bill) : null
    if (priceNanoUsd === null && ticket.assumedNanoUsd > 0) ticket.limits.tally.assumed += 1
    if (bill && teaches(bill, priceNanoUsd))
      this.#expectations.learn(ticket.pair, { ...bill, costNanoUsd: priceNanoUsd }, ticket)
    const states = ticket.held!.settle(chargeOf(bill, ticket), nowMs)
    if (states) this.#track(states.then((told) => this.#ports.warnings.give(ticket, told)))
    else this.#settled.set(ticket.counted, ticket)
  }

  /** Gives the warnings that are due after requests were settled, and lets those that wait look again. */
  #afterSettling(nowMs: number): void {
    const { counters, warnings } = this.#ports
    for (const ticket of this.#settled.values()) {
      const states = counters.read(ticket.takes, nowMs)
      if (states instanceof Promise) this.#track(states.then((told) => warnings.give(ticket, told)))
      else warnings.give(ticket, states)
    }
    this.#settled.clear()
    this.#receipts.wake()
  }

  #sweep(): void {
    const lateMs = performance.now() - this.#sweptAt - SWEEP_MS
    this.#sweptAt = performance.now()
    // After a pause of the process, receipts may have come that nobody has read yet.
    if (lateMs >= SWEEP_MS) return
    const before = performance.now() - PRICING_MS
    const nowMs = Date.now()
    for (const ticket of this.#receipts.takeOverdue(before)) this.#settle(ticket, undefined, nowMs)
    this.#afterSettling(nowMs)
  }
}

type Refused = Extract<Verdict, { held: undefined }>

/** A refusal names a hard budget that is spent before a rate that refuses too: trying again in a minute does not help. */
function bySpentBudget({ takes }: Ticket, refused: Refused): Refused {
  const { states } = refused
  const spent = takes.findIndex(
    (take, i) => take.kind === 'budget' && take.hard && states[i]!.used >= take.limit,
  )
  return spent < 0 ? refused : { ...refused, refusedBy: spent }
}

/** What is expected of a request that may cost nothing. */
const FREE: Expectation = {
  pair: '',
  costLearned: true,
  tokensLearned: true,
  costNanoUsd: 0,
  tokens: 0,
  outputNanoUsdPerByte: 0,
  outputTokensPerByte: 0,
  outputTokens: 0,
}
const NO_ACTUAL: Actual = { costNanoUsd: 0, tokens: 0 }

/** Names requests that are expected to come to about the same. */
function pairOf({ maxOutputTokens, streaming }: Expected, resolved: ResolvedLimits): string {
  if (maxOutputTokens === 0) return resolved.inputPair
  return streaming ? resolved.streamPair : resolved.pair
}

/** Whether what a request came to says what the next will: not one that failed, or was left before its answer began. */
function teaches({ whole, inputTokens, outputTokens }: PricedExchange, priceNanoUsd: number | null): boolean {
  return outputTokens > 0 || (whole && inputTokens + (priceNanoUsd ?? 0) > 0)
}

/** What an exchange came to, whoever pays; null when unknown. */
function priceOf({ costNanoUsd, includedNanoUsd }: PricedExchange): number | null {
  return costNanoUsd === null || includedNanoUsd === null ? null : costNanoUsd + includedNanoUsd
}

/** What is charged for an exchange: what was expected, where what it came to is not known. */
function chargeOf(bill: PricedExchange | undefined, { assumedNanoUsd, subscription }: Ticket): Actual {
  if (!bill) {
    return subscription
      ? { costNanoUsd: 0, includedNanoUsd: assumedNanoUsd, tokens: 0 }
      : { costNanoUsd: assumedNanoUsd, tokens: 0 }
  }
  return {
    costNanoUsd: bill.costNanoUsd ?? assumedNanoUsd,
    includedNanoUsd: bill.includedNanoUsd ?? assumedNanoUsd,
    tokens: bill.inputTokens + bill.outputTokens,
  }
}
