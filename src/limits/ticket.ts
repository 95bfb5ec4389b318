import type { TraceSpend } from '../traces/trace.ts'
import type { Most, RequestBounds } from './admission/bounds.ts'
import type { Estimate } from './admission/estimates.ts'
import type { Claim, Held } from './counters/counters.ts'
import type { CallerLimits, ResolvedLimits } from './policies/caller-limits.ts'
import { countsIncluded } from './policies/included-subject.ts'
import { countedBeyond, type CountedLimits } from './policies/limit.ts'
import type { LimitFacts } from './policies/subject.ts'
import type { Budget, Take } from './policies/take.ts'

/** A request that wants to pass. */
export interface LimitRequest extends LimitFacts, RequestBounds {
  readonly id: string
  readonly limits: CallerLimits
  /** It may cost something. */
  readonly billable: boolean
  /** A subscription pays for it, judging by its credential. */
  readonly subscription: boolean
}

/** How much of its limits a request takes. */
export interface Amounts {
  readonly estimate: Estimate
  /** For strict budgets. */
  readonly most: Most
  /** Identifies this process and its current term, for the ledger. */
  readonly term: string
}

/** Called when an exchange has ended. @param receiptDue a receipt will come */
export type OnEnd = (ticket: Ticket, held: Held, receiptDue: boolean) => void

/** The admission of one exchange, which it returns when it ends. */
export class Ticket implements Claim {
  readonly counted: CountedLimits
  requestBytes: number
  responseBytes = 0
  /** Number of its receipt. 0 for none. */
  number = 0
  /** `performance.now()` of the end; 0 before. */
  endedAt = 0
  /** How long it waited for room in a budget. */
  waitedUs = 0
  /** Bytes of the response at which more must be reserved. */
  growAt: number
  /** Whole nano-USD that are charged if its cost stays unknown. */
  assumedNanoUsd: number
  /** What it holds. `undefined` when nothing is counted, or the counters failed. */
  held: Held | undefined
  /** The exchange went to another target than it was admitted for, so its cost teaches nothing about that. */
  moved = false
  readonly #request: LimitRequest
  readonly #resolved: ResolvedLimits
  readonly #amounts: Amounts
  readonly #onEnd: OnEnd
  /** Of further targets of the exchange: what their limits count that this one does not hold. */
  readonly #beside: Ticket[] = []

  /** @param before the exchange's ticket so far, if it goes to another target: what that holds is not taken again */
  constructor(
    request: LimitRequest,
    resolved: ResolvedLimits,
    amounts: Amounts,
    onEnd: OnEnd,
    before?: Ticket,
  ) {
    const ofKind = request.subscription ? resolved.countedIncluded : resolved.counted
    const all = request.billable ? ofKind : resolved.countedFree
    const counted = before ? countedBeyond(all, before.#heldTakes) : all
    this.counted = counted
    this.requestBytes = request.requestBytes
    this.assumedNanoUsd = amounts.estimate.costNanoUsd
    this.growAt = counted.grows ? bytesFor(amounts.estimate) : Infinity
    this.#request = request
    this.#resolved = resolved
    this.#amounts = amounts
    this.#onEnd = onEnd
  }

  /** Of the exchange. */
  get id(): string {
    return this.#request.id
  }

  get term(): string {
    return this.#amounts.term
  }

  /** A subscription pays for it, judging by its credential. */
  get subscription(): boolean {
    return this.#request.subscription
  }

  /** Identifies requests that are expected to cost about the same. */
  get pair(): string {
    return this.#amounts.estimate.pair
  }

  /** Limits of the caller. */
  get limits(): CallerLimits {
    return this.#request.limits
  }

  get takes(): Claim['takes'] {
    return this.counted.takes
  }

  amountOf(index: number): number {
    const take = this.counted.takes[index]!
    const { estimate, most } = this.#amounts
    switch (take.kind) {
      case 'concurrency':
        return 1
      case 'rate':
        return take.settles ? estimate.tokens : 1
      case 'budget': {
        if (!this.#counts(take)) return 0
        if (take.enforcement !== 'strict')
          return take.unit === 'cost' ? estimate.costNanoUsd : estimate.tokens
        // A request without a bound reserves the whole budget, so it runs alone.
        return (take.unit === 'cost' ? most.costNanoUsd : most.tokens) ?? take.limit
      }
      default:
        return take satisfies never
    }
  }

  /** Whether a budget will be charged. A money budget is not, if a subscription pays, unless it counts that. */
  #counts({ unit, counter }: Budget): boolean {
    return unit === 'tokens' || !this.#request.subscription || countsIncluded(counter)
  }

  /** Also holds what the limits of another target count. */
  join(beside: Ticket): void {
    this.#beside.push(beside)
  }

  /** Of further targets. */
  get beside(): readonly Ticket[] {
    return this.#beside
  }

  get #heldTakes(): readonly Take[] {
    return this.held ? [this, ...this.#beside].flatMap(({ takes }) => takes) : []
  }

  /** The subjects that are charged for the exchange: those of every target it went to. */
  get spend(): TraceSpend {
    const all = [this, ...this.#beside].flatMap((ticket) => ticket.#resolved.spenders)
    return {
      subjects: this.#beside.length === 0 ? all : [...new Set(all)],
      instance: this.term,
      assumedNanoUsd: this.assumedNanoUsd,
      reserved: this.held !== undefined,
    }
  }

  /** Reserves more if the response, with this many bytes so far, will cost more than reserved. */
  grow(responseBytes: number): void {
    // A released reservation must not grow again.
    if (this.endedAt > 0) return
    const { outputNanoUsdPerByte, outputTokensPerByte } = this.#amounts.estimate
    // A quarter more than its size so far, so that not every chunk asks.
    const beyond = responseBytes * 1.25 - this.growAt
    const moneyNanoUsd = Math.ceil(beyond * outputNanoUsdPerByte)
    this.assumedNanoUsd += moneyNanoUsd
    this.growAt = responseBytes * 1.25
    const more = {
      ...(this.subscription
        ? { costNanoUsd: 0, includedNanoUsd: moneyNanoUsd }
        : { costNanoUsd: moneyNanoUsd }),
      tokens: Math.ceil(beyond * outputTokensPerByte),
    }
    this.held?.grow(more)
    for (const { held } of this.#beside) held?.grow(more)
  }

  /**
   * The exchange has ended.
   *
   * @returns the number of its receipt; 0 for none
   */
  end({ sent, answered, requestBytes, responseBytes, atMs }: Ending): number {
    // A request without any response was most likely not billed. So an unknown cost charges nothing.
    if (!answered) this.assumedNanoUsd = 0
    if (!this.held) return 0
    this.requestBytes = requestBytes
    this.responseBytes = responseBytes
    this.endedAt = atMs
    this.#onEnd(this, this.held, sent && [this, ...this.#beside].some(({ counted }) => counted.settles))
    return this.number
  }
}

/** How an exchange ended, as far as its limits are concerned. */
export interface Ending {
  /** The request went to the upstream, so it may have cost something. */
  readonly sent: boolean
  /** The upstream began to respond. */
  readonly answered: boolean
  readonly requestBytes: number
  readonly responseBytes: number
  /** `performance.now()` of the end. */
  readonly atMs: number
}

/**
 * Factor by which a response may exceed its estimate before more is reserved. Most responses are about as long as
 * earlier ones.
 */
const LONGER = 1.1

/** Approximate bytes of a response that costs its estimate. */
function bytesFor({ outputTokens, outputTokensPerByte }: Estimate): number {
  return outputTokensPerByte > 0 ? (outputTokens / outputTokensPerByte) * LONGER : Infinity
}
