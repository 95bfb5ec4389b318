import type { TraceSpend } from '../traces/trace.ts'
import type { Claim, Held } from './counters.ts'
import type { Expectation } from './expectations.ts'
import type { LimitEngine, LimitRequest } from './limit-engine.ts'
import type { CountedLimits, LimitFacts } from './resolve.ts'

/** What a request is let pass on. */
interface Terms extends Pick<Ticket, 'counted' | 'amounts' | 'term' | 'pair'> {
  readonly expectation: Expectation
  /** Subjects of the ledger that its cost counts for. */
  readonly spenders: readonly string[]
}

/** What one exchange was let pass with: it gives it back when it ends. */
export class Ticket implements Claim {
  readonly id: string
  readonly caller: LimitFacts['caller']
  readonly counted: CountedLimits
  readonly amounts: readonly number[]
  readonly term: string
  readonly pair: string
  requestBytes: number
  responseBytes = 0
  /** Tells those apart that wait to be told what they came to; 0 for all others. */
  number = 0
  /** `performance.now()` of the end; 0 before. */
  endedAt = 0
  /** Bytes of the answer at which more must be reserved. */
  growAt: number
  /** What it has taken; `undefined` when nothing is counted, or nothing could be. */
  held: Held | undefined
  readonly #engine: LimitEngine
  readonly #expectation: Expectation
  readonly #spenders: readonly string[]

  constructor(request: LimitRequest, terms: Terms, engine: LimitEngine) {
    const { counted, expectation } = terms
    this.id = request.id
    this.caller = request.facts.caller
    this.counted = counted
    this.amounts = terms.amounts
    this.term = terms.term
    this.pair = terms.pair
    this.requestBytes = request.expected.requestBytes
    this.#engine = engine
    this.#expectation = expectation
    this.#spenders = terms.spenders
    this.growAt = counted.reserves ? bytesFor(expectation) : Infinity
  }

  get takes(): Claim['takes'] {
    return this.counted.takes
  }

  /** Whole nano-USD that are charged when its cost stays unknown. */
  get assumedNanoUsd(): number {
    return this.#expectation.costNanoUsd
  }

  /** Whom the exchange's cost counts for. */
  get spend(): TraceSpend {
    return {
      subjects: this.#spenders,
      instance: this.term,
      assumedNanoUsd: this.assumedNanoUsd,
      reserved: this.held !== undefined,
    }
  }

  /** The answer has so many bytes by now: reserves what it is expected to cost beyond what was reserved. */
  grow(responseBytes: number): void {
    // Whoever takes back what was reserved counts on its growing no more.
    if (this.endedAt > 0) return
    const expectation = this.#expectation
    // A quarter more than it has grown to, so that it need not be asked with every chunk.
    const beyond = responseBytes * 1.25 - this.growAt
    const more = {
      costNanoUsd: Math.ceil(beyond * expectation.outputNanoUsdPerByte),
      tokens: Math.ceil(beyond * expectation.outputTokensPerByte),
    }
    expectation.costNanoUsd += more.costNanoUsd
    expectation.tokens += more.tokens
    this.growAt = responseBytes * 1.25
    this.held?.grow(more)
  }

  /**
   * The exchange has ended.
   *
   * @returns the number under which it is to be told what it cost; 0 for not at all
   */
  end({ sent, answered, requestBytes, responseBytes, atMs }: Ending): number {
    // What was not answered at all was most likely not billed: of an unknown cost, nothing is charged.
    if (!answered) this.#expectation.costNanoUsd = 0
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
