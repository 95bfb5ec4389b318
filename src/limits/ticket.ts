import type { TraceSpend } from '../traces/trace.ts'
import type { Most, RequestBounds } from './admission/bounds.ts'
import type { Estimate } from './admission/estimates.ts'
import type { Claim, Held } from './counters/counters.ts'
import type { CallerLimits, ResolvedLimits } from './policies/caller-limits.ts'
import { countsIncluded } from './policies/included-subject.ts'
import type { CountedLimits } from './policies/limit.ts'
import type { LimitFacts } from './policies/subject.ts'
import type { Budget } from './policies/take.ts'

/** A request that wants to pass. */
export interface LimitRequest extends LimitFacts, RequestBounds {
  readonly id: string
  readonly limits: CallerLimits
  /** It may cost something. */
  readonly billable: boolean
  /** A subscription pays for it, as far as its credential tells. */
  readonly subscription: boolean
}

/** How much of its limits a request takes. */
export interface Amounts {
  readonly estimate: Estimate
  /** For strict budgets. */
  readonly most: Most
  /** Names this process and its present term in the ledger. */
  readonly term: string
}

/** Called when an exchange has ended. @param awaited a receipt will come */
export type OnEnd = (ticket: Ticket, held: Held, awaited: boolean) => void

/** What one exchange was let pass with: it gives it back when it ends. */
export class Ticket implements Claim {
  readonly counted: CountedLimits
  requestBytes: number
  responseBytes = 0
  /** Under which its receipt comes; 0 for none. */
  number = 0
  /** `performance.now()` of the end; 0 before. */
  endedAt = 0
  /** How long it waited for room in a budget. */
  waitedUs = 0
  /** Bytes of the answer at which more must be reserved. */
  growAt: number
  /** Whole nano-USD that are charged when its cost stays unknown. */
  assumedNanoUsd: number
  /** What it has taken; `undefined` when nothing is counted, or nothing could be. */
  held: Held | undefined
  readonly #request: LimitRequest
  readonly #resolved: ResolvedLimits
  readonly #amounts: Amounts
  readonly #onEnd: OnEnd

  constructor(request: LimitRequest, resolved: ResolvedLimits, amounts: Amounts, onEnd: OnEnd) {
    const ofKind = request.subscription ? resolved.countedIncluded : resolved.counted
    const counted = request.billable ? ofKind : resolved.countedFree
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

  /** A subscription pays for it, as far as its credential tells. */
  get subscription(): boolean {
    return this.#request.subscription
  }

  /** Names requests that are expected to cost about the same. */
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
        // What nothing bounds takes the whole budget, so it runs alone.
        return (take.unit === 'cost' ? most.costNanoUsd : most.tokens) ?? take.limit
      }
      default:
        return take satisfies never
    }
  }

  /** Whether a budget is expected to be charged: not for money that a subscription pays, unless it counts that. */
  #counts({ unit, counter }: Budget): boolean {
    return unit === 'tokens' || !this.#request.subscription || countsIncluded(counter)
  }

  /** Whom the exchange's cost counts for. */
  get spend(): TraceSpend {
    return {
      subjects: this.#resolved.spenders,
      instance: this.term,
      assumedNanoUsd: this.assumedNanoUsd,
      reserved: this.held !== undefined,
    }
  }

  /** The answer has so many bytes by now: reserves what it is expected to cost beyond what was reserved. */
  grow(responseBytes: number): void {
    // Once the reservation is taken back, it must not grow again.
    if (this.endedAt > 0) return
    const { outputNanoUsdPerByte, outputTokensPerByte } = this.#amounts.estimate
    // A quarter more than it has grown to, so that it need not be asked with every chunk.
    const beyond = responseBytes * 1.25 - this.growAt
    const moneyNanoUsd = Math.ceil(beyond * outputNanoUsdPerByte)
    this.assumedNanoUsd += moneyNanoUsd
    this.growAt = responseBytes * 1.25
    this.held?.grow({
      ...(this.subscription
        ? { costNanoUsd: 0, includedNanoUsd: moneyNanoUsd }
        : { costNanoUsd: moneyNanoUsd }),
      tokens: Math.ceil(beyond * outputTokensPerByte),
    })
  }

  /**
   * The exchange has ended.
   *
   * @returns the number under which its receipt is to come; 0 for none
   */
  end({ sent, answered, requestBytes, responseBytes, atMs }: Ending): number {
    // What was not answered at all was most likely not billed: of an unknown cost, nothing is charged.
    if (!answered) this.assumedNanoUsd = 0
    if (!this.held) return 0
    this.requestBytes = requestBytes
    this.responseBytes = responseBytes
    this.endedAt = atMs
    this.#onEnd(this, this.held, sent && this.counted.settles)
    return this.number
  }
}

/** How an exchange ended, as far as its limits are concerned. */
export interface Ending {
  /** The request went to the upstream, so it may have cost something. */
  readonly sent: boolean
  /** The upstream began to answer. */
  readonly answered: boolean
  readonly requestBytes: number
  readonly responseBytes: number
  /** `performance.now()` of the end. */
  readonly atMs: number
}

/** An answer may be so much longer than expected before more is reserved for it: most are about as long as those before. */
const LONGER = 1.1

/** Bytes of an answer that cost what is expected of it, about. */
function bytesFor({ outputTokens, outputTokensPerByte }: Estimate): number {
  return outputTokensPerByte > 0 ? (outputTokens / outputTokensPerByte) * LONGER : Infinity
}
