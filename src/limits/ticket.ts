import type { TraceSpend } from '../traces/trace.ts'
import type { Take } from './counters.ts'
import type { Expectation } from './expectations.ts'
import type { LimitEngine, LimitRequest } from './limit-engine.ts'
import type { Limit, LimitFacts } from './resolve.ts'

/** What one exchange was let pass with: it gives it back when it ends. */
export class Ticket {
  readonly id: string
  readonly caller: LimitFacts['caller']
  readonly limits: readonly Limit[]
  readonly takes: readonly Take[]
  readonly pair: string
  requestBytes: number
  responseBytes = 0
  /** `performance.now()` of the end; 0 before. */
  endedAt = 0
  /** Bytes of the answer at which more must be reserved. */
  growAt: number
  /** Its takes are counted. */
  admitted = false
  readonly #engine: LimitEngine
  readonly #expectation: Expectation
  readonly #spenders: readonly string[]
  readonly #term: string
  #reserves = false
  #settles = false

  constructor(
    request: LimitRequest,
    { limits, takes, spenders }: Pick<Ticket, 'limits' | 'takes'> & { readonly spenders: readonly string[] },
    expectation: Expectation,
    pair: string,
    engine: LimitEngine,
  ) {
    this.id = request.id
    this.caller = request.facts.caller
    this.limits = limits
    this.takes = takes
    this.pair = pair
    this.requestBytes = request.expected.requestBytes
    this.#engine = engine
    this.#expectation = expectation
    this.#term = engine.term()
    this.#spenders = spenders
    for (const take of takes) {
      if (take.kind === 'budget') this.#reserves = true
      if (take.kind === 'budget' || (take.kind === 'rate' && take.settles)) this.#settles = true
    }
    this.growAt = this.#reserves ? bytesFor(expectation) : Infinity
  }

  /** Whom the exchange's cost counts for. */
  get spend(): TraceSpend {
    return {
      subjects: this.#spenders,
      instance: this.#term,
      assumedNanoUsd: this.#expectation.costNanoUsd,
      reserved: this.admitted,
    }
  }

  /** The answer has so many bytes by now: reserves what it is expected to cost beyond what was reserved. */
  grow(responseBytes: number): void {
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
    if (this.admitted) this.#engine.grow(this, more)
  }

  /**
   * The exchange has ended.
   *
   * @returns whether what it cost is to be told
   */
  end({ sent, answered, requestBytes, responseBytes }: Ending): boolean {
    // What was not answered at all was most likely not billed: of an unknown cost, nothing is charged.
    if (!answered) this.#expectation.costNanoUsd = 0
    if (!this.admitted) return false
    this.requestBytes = requestBytes
    this.responseBytes = responseBytes
    this.endedAt = performance.now()
    const awaited = sent && this.#settles
    this.#engine.ended(this, awaited)
    return awaited
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
}

/** An answer may be so much longer than expected before more is reserved for it: most are about as long as those before. */
const LONGER = 1.1

/** Bytes of an answer that cost what is expected of it, about. */
function bytesFor({ outputTokens, outputTokensPerByte }: Expectation): number {
  return outputTokensPerByte > 0 ? (outputTokens / outputTokensPerByte) * LONGER : Infinity
}
