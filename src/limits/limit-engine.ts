import { GatewayError } from '../errors.ts'
import { withTimeout } from '../time/with-timeout.ts'
import type { Caller, PricedExchange } from '../traces/exchange.ts'
import type { TraceSpend } from '../traces/trace.ts'
import { mostOf, type Most } from './admission/bounds.ts'
import { decide, type Decision } from './admission/decide.ts'
import { Estimates, FREE, type PastAverage } from './admission/estimates.ts'
import { LimitRefusal } from './admission/limit-refusal.ts'
import type { BudgetWarnings } from './alerts/budget-warnings.ts'
import type { Actual, Counters, Held, Verdict } from './counters/counters.ts'
import type { RollingRoom } from './counters/rolling-room.ts'
import { Adjustments, type Adjustment } from './policies/adjustments.ts'
import { CallerLimits, type ResolvedLimits } from './policies/caller-limits.ts'
import type { CountedLimits, Limit } from './policies/limit.ts'
import type { LimitPolicy } from './policies/policy.ts'
import { standingOf, type LimitStanding } from './policies/standing.ts'
import type { LimitCaller, LimitFacts } from './policies/subject.ts'
import type { CounterState, Take } from './policies/take.ts'
import { TenantTallies, type LimitTotals } from './policies/tenant-tallies.ts'
import { Ticket, type LimitRequest } from './ticket.ts'
import { UnsettledTickets } from './unsettled-tickets.ts'
import { WaitingRoom, type Wait } from './waiting-room.ts'

/** How long the recorder may take to report the cost of an exchange. After that, the estimate is charged. */
const PRICING_MS = 120_000
const SWEEP_MS = 10_000

/** How long the last reports to counters may take at a stop. */
const CLOSE_MS = 2000

/** What the engine needs around it. */
export interface LimitEnginePorts {
  readonly counters: Counters
  readonly policies: () => readonly LimitPolicy[]
  /** How long counters may take to respond. */
  readonly timeoutMs: () => number
  /** Longest wait of a request for room that others have reserved. */
  readonly maxWaitMs: () => number
  readonly warnings: BudgetWarnings
  readonly rollingRoom: RollingRoom
  readonly log: (level: 'INFO' | 'WARN', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Applies the limits of callers to requests: takes before, settles after. */
export class LimitEngine {
  readonly #ports: LimitEnginePorts
  readonly #estimates = new Estimates()
  readonly #unsettled = new UnsettledTickets()
  readonly #waiting = new WaitingRoom()
  /** Of tickets settled at once, one for each set of limits. */
  readonly #settled = new Map<CountedLimits, Ticket>()
  readonly #reporting = new Set<Promise<void>>()
  readonly #tallies = new TenantTallies()
  readonly #adjustments = new Adjustments()
  readonly #onEnd = (ticket: Ticket, held: Held, receiptDue: boolean): void =>
    this.#ended(ticket, held, receiptDue)
  #failing = false
  #sweptAt = performance.now()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(ports: LimitEnginePorts) {
    this.#ports = ports
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /** Loads the averages of requests from before this process began. */
  seed(averages: readonly PastAverage[]): void {
    this.#estimates.seed(averages)
  }

  /** Loads all budget changes by operators, as the store holds them. */
  adjust(adjustments: readonly Adjustment[]): void {
    if (!this.#adjustments.replace(adjustments)) return
    this.#ports.warnings.forgetShares()
    this.#waiting.wake()
  }

  /** The limits that may apply to a caller. @param own the key's own limits */
  limitsOf(of: LimitCaller, own: readonly LimitPolicy[]): CallerLimits {
    const tally = this.#tallies.of(of.caller)
    return new CallerLimits(this.#ports.policies(), own, of, tally, this.#adjustments)
  }

  /** The subjects that are charged for an exchange that no limit checked. */
  unlimited(limits: CallerLimits): TraceSpend {
    const instance = this.#ports.counters.term(Date.now())
    return { subjects: limits.spenders, instance, assumedNanoUsd: 0, reserved: false }
  }

  /**
   * Admits or refuses a request. If a budget has no room only because of other reservations, the request waits for
   * `maxWaitMs` at most.
   *
   * @param nowMs epoch milliseconds
   * @throws GatewayError LimitRefusal; `limits_unavailable` when the counters cannot be read and a policy denies in
   *   that case
   */
  admit(request: LimitRequest, nowMs: number): Ticket | Promise<Ticket> {
    const ticket = this.#ticketOf(request, nowMs)
    if (ticket.takes.length === 0) return ticket
    const verdict = this.#ask(ticket, nowMs)
    if (verdict instanceof Promise || !verdict.held) return this.#admitLater(request, ticket, verdict)
    return this.#pass(ticket, verdict.held)
  }

  /**
   * Admits a request to another target, or refuses it: the limits of that target count besides those that the request holds already.
   *
   * @param before its ticket so far
   * @param nowMs epoch milliseconds
   * @returns the ticket of the exchange from now on
   * @throws GatewayError as `admit` does; the request holds then what it held before
   */
  admitAgain(before: Ticket, request: LimitRequest, nowMs: number): Ticket | Promise<Ticket> {
    const beside = this.#ticketOf(request, nowMs, before)
    before.moved = true
    if (beside.takes.length === 0) return before
    const joined = (ticket: Ticket): Ticket => {
      if (!before.held) return ticket
      if (before.endedAt > 0 && ticket.held) this.#release(ticket.held)
      else before.join(ticket)
      return before
    }
    const verdict = this.#ask(beside, nowMs)
    if (verdict instanceof Promise || !verdict.held)
      return this.#admitLater(request, beside, verdict, before).then(joined)
    beside.held = verdict.held
    return joined(beside)
  }

  /** @throws LimitRefusal for content that is too large */
  #ticketOf(request: LimitRequest, nowMs: number, before?: Ticket): Ticket {
    const { requestBytes, billable } = request
    const resolved = request.limits.resolve(request, nowMs)
    const { size } = resolved
    if (size && requestBytes > size.value)
      throw this.#refuse(request.limits, size, { used: requestBytes, reserved: 0, resetMs: Infinity }, 0)
    const estimate = billable ? this.#estimates.of(pairOf(request, resolved), resolved.pair, request) : FREE
    const most = resolved.strict ? mostOf(request, estimate) : NO_BOUND
    const term = this.#ports.counters.term(nowMs)
    return new Ticket(request, resolved, { estimate, most, term }, this.#onEnd, before)
  }

  /** Asks the counters. */
  #ask(ticket: Ticket, nowMs: number): Verdict | Promise<Verdict> {
    const verdict = this.#ports.counters.admit(ticket, nowMs)
    return verdict instanceof Promise ? this.#inTime(verdict) : verdict
  }

  /** The verdict of remote counters. @throws Error when they fail, or not in time */
  async #inTime(pending: Promise<Verdict>): Promise<Verdict> {
    const late = (verdict: Verdict): void => verdict.held && this.#release(verdict.held)
    const verdict = await withTimeout(pending, this.#ports.timeoutMs(), late)
    if (this.#failing) this.#ports.log('INFO', 'limits can be checked again', {})
    this.#failing = false
    return verdict
  }

  /** Waits for the counters' verdict, and for room. @throws LimitRefusal */
  async #admitLater(
    request: LimitRequest,
    first: Ticket,
    firstVerdict: Verdict | Promise<Verdict>,
    before?: Ticket,
  ): Promise<Ticket> {
    const { counters, maxWaitMs } = this.#ports
    let ticket = first
    let wait: Wait | undefined
    try {
      for (let pending = firstVerdict; ; pending = this.#ask(ticket, Date.now())) {
        const verdict = await pending
        ticket.waitedUs = wait?.waitedUs ?? 0
        if (verdict.held) return this.#pass(ticket, verdict.held, before)
        const { states } = verdict
        const { kind, index } = decisionOn(ticket, states)
        const waiting = wait ?? this.#waiting.enter(maxWaitMs(), counters.shared)
        if (kind === 'refuse' || waiting.over) throw await this.#refusalOf(ticket, index, states)
        if (!wait) ticket.limits.tally.waited += 1
        wait = waiting
        await wait.next()
        // A better estimate may exist by now.
        ticket = this.#ticketOf(request, Date.now(), before)
      }
    } catch (error) {
      return this.#unavailable(ticket, error)
    }
  }

  /** What exchanges came to. */
  priced(bills: readonly PricedExchange[]): void {
    const nowMs = Date.now()
    for (const bill of bills) {
      const ticket = this.#unsettled.take(bill.ticket)
      if (ticket) this.#settle(ticket, bill, nowMs)
    }
    this.#afterSettling(nowMs)
  }

  /** No receipt will come for an exchange. @param number of its ticket */
  dropped(number: number): void {
    const ticket = this.#unsettled.take(number)
    if (!ticket) return
    const nowMs = Date.now()
    this.#settle(ticket, undefined, nowMs)
    this.#afterSettling(nowMs)
  }

  /** Where the limits of a caller stand. */
  async standings(limits: CallerLimits, facts: LimitFacts): Promise<readonly LimitStanding[]> {
    const nowMs = Date.now()
    const { limits: held, counted } = limits.resolve(facts, nowMs)
    const states = await this.read(counted.takes, nowMs)
    const standings = held.map(async (limit) => {
      const state = states[counted.limits.indexOf(limit)] ?? { used: 0, reserved: 0, resetMs: Infinity }
      return standingOf(limit, await this.#withRoom(limit, state, nowMs), nowMs)
    })
    return Promise.all(standings)
  }

  /** Where counters stand. @throws Error when they fail, or not in time */
  read(takes: readonly Take[], nowMs: number): Promise<readonly CounterState[]> {
    const asked = this.#ports.counters.read(takes, nowMs)
    return withTimeout(Promise.resolve(asked), this.#ports.timeoutMs())
  }

  /** What this process has counted since its start. @param counts selects tenants; all when absent */
  totals(counts?: (tenant: Caller) => boolean): LimitTotals {
    return this.#tallies.sum(counts)
  }

  /** For each policy, the largest spent share of its budgets. */
  spent(): Readonly<Record<string, number>> {
    return this.#ports.warnings.spent(Date.now())
  }

  /** Sends the remaining reports to the counters, for a bounded time, and closes them. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.race([Promise.all(this.#reporting), Bun.sleep(CLOSE_MS)])
    await this.#ports.counters.close()
  }

  /** An exchange has ended. @param receiptDue a receipt will come */
  #ended(ticket: Ticket, held: Held, receiptDue: boolean): void {
    const all = [held, ...ticket.beside.flatMap((beside) => beside.held ?? [])]
    for (const one of all) {
      if (receiptDue) one.ended()
      else this.#release(one)
    }
    if (receiptDue) this.#unsettled.add(ticket)
  }

  #pass(ticket: Ticket, held: Held, before?: Ticket): Ticket {
    if (!before) ticket.limits.tally.admitted += 1
    ticket.held = held
    return ticket
  }

  async #refusalOf(
    { counted, limits, waitedUs }: Ticket,
    index: number,
    states: readonly CounterState[],
  ): Promise<LimitRefusal> {
    const limit = counted.limits[index]!
    return this.#refuse(limits, limit, await this.#withRoom(limit, states[index]!, Date.now()), waitedUs)
  }

  /** Where a limit stands. For a spent rolling budget, the ledger knows when there is room again. */
  async #withRoom(
    { policy, take, window }: Limit,
    state: CounterState,
    nowMs: number,
  ): Promise<CounterState> {
    if (take?.kind !== 'budget' || policy.budget.period !== 'rolling' || state.used < take.limit) return state
    const atMs = await this.#ports.rollingRoom.at(take, window!, state.used, nowMs)
    return { ...state, resetMs: atMs - nowMs }
  }

  #refuse({ tally }: CallerLimits, limit: Limit, state: CounterState, waitedUs: number): LimitRefusal {
    const refusal = new LimitRefusal(limit, state, Date.now(), waitedUs)
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

  /** Releases what a request holds that was never sent, or whose cost nothing counts. */
  #release(held: Held): void {
    held.ended()
    this.#track(held.settle(NO_ACTUAL, Date.now()))
    this.#waiting.wake()
  }

  /** Reports to remote counters without waiting. The counters themselves make sure that every report arrives. */
  #track(report: Promise<unknown> | undefined): void {
    if (!report) return
    const done: Promise<void> = report
      .then(() => undefined)
      .catch(() => undefined)
      .finally(() => this.#reporting.delete(done))
    this.#reporting.add(done)
  }

  #settle(ticket: Ticket, bill: PricedExchange | undefined, nowMs: number): void {
    const priceNanoUsd = bill ? priceOf(bill) : null
    if (priceNanoUsd === null && ticket.assumedNanoUsd > 0) ticket.limits.tally.assumed += 1
    if (bill && !ticket.moved && teaches(bill, priceNanoUsd))
      this.#estimates.learn(ticket.pair, { ...bill, costNanoUsd: priceNanoUsd }, ticket)
    const charge = chargeOf(bill, ticket)
    for (const one of [ticket, ...ticket.beside]) {
      const states = one.held?.settle(charge, nowMs)
      if (states)
        this.#track(states.then((read) => this.#warn(one, read)).finally(() => this.#waiting.wake()))
      else if (one.held) this.#settled.set(one.counted, one)
    }
  }

  #warn({ counted, limits }: Ticket, states: readonly CounterState[]): void {
    this.#ports.warnings.give(counted, limits, states)
  }

  /** Sends due warnings after settlements, and wakes waiting requests. */
  #afterSettling(nowMs: number): void {
    for (const ticket of this.#settled.values()) {
      const states = this.#ports.counters.read(ticket.takes, nowMs)
      if (states instanceof Promise) this.#track(states.then((read) => this.#warn(ticket, read)))
      else this.#warn(ticket, states)
    }
    this.#settled.clear()
    this.#waiting.wake()
  }

  #sweep(): void {
    const lateMs = performance.now() - this.#sweptAt - SWEEP_MS
    this.#sweptAt = performance.now()
    // After a pause of the process, receipts may have arrived unread.
    if (lateMs >= SWEEP_MS) return
    const before = performance.now() - PRICING_MS
    const nowMs = Date.now()
    for (const ticket of this.#unsettled.takeOverdue(before)) this.#settle(ticket, undefined, nowMs)
    this.#afterSettling(nowMs)
  }
}

/** Why a request is refused. The rule refuses what the counters refuse. If they differ, the counters are read again. */
function decisionOn(ticket: Ticket, states: readonly CounterState[]): Exclude<Decision, { kind: 'admit' }> {
  const amounts = ticket.takes.map((_, i) => ticket.amountOf(i))
  const decision = decide(ticket.takes, amounts, states)
  return decision.kind === 'admit' ? { kind: 'wait', index: 0 } : decision
}

const NO_BOUND: Most = { costNanoUsd: undefined, tokens: undefined }
const NO_ACTUAL: Actual = { costNanoUsd: 0, tokens: 0 }

/** Identifies requests that are expected to cost about the same. */
function pairOf({ maxOutputTokens, streaming }: LimitRequest, resolved: ResolvedLimits): string {
  if (maxOutputTokens === 0) return resolved.inputPair
  return streaming ? resolved.streamPair : resolved.pair
}

/** Whether the cost of a request predicts the next one's. Not if it failed, or the client left before the response began. */
function teaches({ whole, inputTokens, outputTokens }: PricedExchange, priceNanoUsd: number | null): boolean {
  return outputTokens > 0 || (whole && inputTokens + (priceNanoUsd ?? 0) > 0)
}

/** What an exchange cost, paid by the caller or by a subscription. Null when unknown. */
function priceOf({ costNanoUsd, includedNanoUsd }: PricedExchange): number | null {
  return costNanoUsd === null || includedNanoUsd === null ? null : costNanoUsd + includedNanoUsd
}

/** What is charged for an exchange: the cost, or the estimate if the cost is unknown. */
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
