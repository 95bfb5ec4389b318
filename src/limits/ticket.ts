import type { TraceSpend } from '../traces/trace.ts'
import type { Budget, Claim, Held } from './counters.ts'
import type { Expectation } from './expectations.ts'
import { countsIncluded } from './included-subject.ts'
import type { LimitEngine, LimitRequest } from './limit-engine.ts'
import type { CallerLimits, CountedLimits, ResolvedLimits } from './resolve.ts'

/** A guess takes no more than this share of a budget: a few requests of which nothing is known must not hold it all. */
const GUESS_SHARE = 1 / 20

function guessOf(limit: number): number {
  return Math.ceil(limit * GUESS_SHARE)
}

/** What one exchange was let pass with: it gives it back when it ends. */
export class Ticket implements Claim {
  readonly counted: CountedLimits
  readonly term: string
  requestBytes: number
  responseBytes = 0
  /** Tells those apart that wait to be told what they came to; 0 for all others. */
  number = 0
  /** `performance.now()` of the end; 0 before. */
  endedAt = 0
  /** Bytes of the answer at which more must be reserved. */
  growAt: number
  /** Whole nano-USD that are charged when its cost stays unknown. */
  assumedNanoUsd: number
  /** What it has taken; `undefined` when nothing is counted, or nothing could be. */
  held: Held | undefined
  readonly #request: LimitRequest
  readonly #resolved: ResolvedLimits
  readonly #expectation: Expectation
  readonly #engine: LimitEngine

  constructor(
    request: LimitRequest,
    resolved: ResolvedLimits,
    expectation: Expectation,
    term: string,
    engine: LimitEngine,
  ) {
    const ofKind = request.subscription ? resolved.countedIncluded : resolved.counted
    const counted = request.billable ? ofKind : resolved.countedFree
    this.counted = counted
    this.term = term
    this.requestBytes = request.requestBytes
    this.assumedNanoUsd = expectation.costNanoUsd
    this.growAt = counted.reserves ? bytesFor(expectation) : Infinity
    this.#request = request
    this.#resolved = resolved
    this.#expectation = expectation
    this.#engine = engine
  }

  /** Of the exchange. */
  get id(): string {
    return this.#request.id
  }

  /** A subscription pays for it, as far as its credential tells. */
  get subscription(): boolean {
    return this.#request.subscription
  }

  /** Names requests that are expected to cost about the same. */
  get pair(): string {
    return this.#expectation.pair
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
    if (take.kind === 'concurrency') return 1
    if (take.kind === 'rate') return take.settles ? this.#expectation.tokens : 1
    const expected = this.expectedOf(take)
    return this.guesses(take) ? Math.min(expected, guessOf(take.limit)) : expected
  }

  /** Nothing is known of what it will take of a budget but what it allows itself. */
  guesses(take: Budget): boolean {
    const { costLearned, tokensLearned } = this.#expectation
    return this.#counts(take) && !(take.unit === 'cost' ? costLearned : tokensLearned)
  }

  /** Of its cost or its tokens nothing is known but what it allows itself. */
  get guessesAny(): boolean {
    return !this.#expectation.costLearned || !this.#expectation.tokensLearned
  }

  /** Of a budget that refuses, it reserves less than it is expected to take, because nothing is known of its kind. */
  get guessesLess(): boolean {
    if (!this.guessesAny) return false
    return this.takes.some(
      (take) =>
        take.kind === 'budget' &&
        take.hard &&
        this.guesses(take) &&
        this.expectedOf(take) > guessOf(take.limit),
    )
  }

  /** What it is expected to take of a budget, nano-USD or tokens. */
  expectedOf(take: Budget): number {
    if (!this.#counts(take)) return 0
    return take.unit === 'cost' ? this.#expectation.costNanoUsd : this.#expectation.tokens
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
    // Whoever takes back what was reserved counts on its growing no more.
    if (this.endedAt > 0) return
    const { outputNanoUsdPerByte, outputTokensPerByte } = this.#expectation
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
   * @returns the number under which it is to be told what it cost; 0 for not at all
   */
  end({ sent, answered, requestBytes, responseBytes, atMs }: Ending): number {
    // What was not answered at all was most likely not billed: of an unknown cost, nothing is charged.
    if (!answered) this.assumedNanoUsd = 0
    if (!this.held) return 0
    this.requestBytes = requestBytes
    this.responseBytes = responseBytes
    this.endedAt = atMs
    this.#engine.ended(this, this.held, sent && this.counted.settles)
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
function bytesFor({ outputTokens, outputTokensPerByte }: Expectation): number {
  return outputTokensPerByte > 0 ? (outputTokens / outputTokensPerByte) * LONGER : Infinity
}
