/** How much a new observation counts against the ones before. */
const WEIGHT = 0.25

/** Pairs of key and model that are remembered; those not seen for longest go first. */
const MAX_PAIRS = 10_000

/** Tokens of an answer that nothing is known of, and bytes that make a token of a request, about. */
const UNKNOWN_OUTPUT_TOKENS = 1000
const BYTES_PER_TOKEN = 4

/** Bytes of an event stream that carry a token, about: more than most, so that too much is not reserved. */
const STREAM_BYTES_PER_TOKEN = 250

/** What is known of a request before it is sent. */
export interface Expected {
  readonly requestBytes: number
  /** Most tokens that the answer may have; `undefined` when the request does not say, 0 where answers are no text. */
  readonly maxOutputTokens: number | undefined
  /** It asks for its answer bit by bit: such answers have many more bytes. */
  readonly streaming: boolean
  /** Nano-USD per token; `undefined` when no price is known. */
  readonly rates: { readonly input: number; readonly output: number } | undefined
}

/** What is expected of a request, as far as it can be told. */
export interface Expectation {
  /** Names such requests. */
  readonly pair: string
  /** Its cost and its tokens rest on what such requests came to before. */
  readonly costLearned: boolean
  readonly tokensLearned: boolean
  readonly costNanoUsd: number
  readonly tokens: number
  /** Of an answer's bytes: what a byte is expected to cost and to count, for answers that outgrow what was expected. */
  readonly outputNanoUsdPerByte: number
  readonly outputTokensPerByte: number
  readonly outputTokens: number
}

/** What an exchange came to: whole nano-USD, null for unknown; of it, what was not for input; and tokens. */
export interface Observation {
  readonly costNanoUsd: number | null
  readonly outputNanoUsd: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/** Over how many bytes of content it came to that. */
export interface ObservedBytes {
  readonly requestBytes: number
  readonly responseBytes: number
}

interface Learned {
  /** Whether its members in nano-USD hold anything: of a model without a price, tokens are known all the same. */
  priced: boolean
  inputNanoUsdPerByte: number
  inputTokensPerByte: number
  outputNanoUsd: number
  outputTokens: number
  outputNanoUsdPerByte: number
  outputTokensPerByte: number
}

const NOTHING_LEARNED: Readonly<Learned> = {
  priced: false,
  inputNanoUsdPerByte: 0,
  inputTokensPerByte: 0,
  outputNanoUsd: 0,
  outputTokens: 0,
  outputNanoUsdPerByte: 0,
  outputTokensPerByte: 0,
}

/** Learns what the requests of a key to a model come to, so that the next one's cost can be reserved before it is sent. */
export class Expectations {
  readonly #learned = new Map<string, Learned>()

  /** What a request is expected to come to: as those before it, and never more than it allows itself. */
  of(pair: string, { requestBytes, maxOutputTokens, rates }: Expected): Expectation {
    const known = this.#learned.get(pair)
    const inputTokens = requestBytes * (known?.inputTokensPerByte ?? 1 / BYTES_PER_TOKEN)
    const outputTokens = known
      ? Math.min(known.outputTokens, maxOutputTokens ?? Infinity)
      : (maxOutputTokens ?? UNKNOWN_OUTPUT_TOKENS)
    const unknownPerByte = maxOutputTokens === 0 ? 0 : 1 / STREAM_BYTES_PER_TOKEN
    const outputTokensPerByte = known?.outputTokensPerByte ?? unknownPerByte
    let costNanoUsd = inputTokens * (rates?.input ?? 0) + outputTokens * (rates?.output ?? 0)
    let outputNanoUsdPerByte = outputTokensPerByte * (rates?.output ?? 0)
    if (known?.priced) {
      const share = known.outputTokens > 0 ? outputTokens / known.outputTokens : 1
      costNanoUsd = known.inputNanoUsdPerByte * requestBytes + known.outputNanoUsd * share
      outputNanoUsdPerByte = known.outputNanoUsdPerByte
    }
    return {
      pair,
      costLearned: known?.priced === true,
      tokensLearned: known !== undefined,
      costNanoUsd: Math.ceil(costNanoUsd),
      tokens: Math.ceil(inputTokens + outputTokens),
      outputNanoUsdPerByte,
      outputTokensPerByte,
      outputTokens,
    }
  }

  /** Takes in what one request came to. @param pair names such requests */
  learn(pair: string, seen: Observation, over: ObservedBytes): void {
    const requestBytes = Math.max(1, over.requestBytes)
    const responseBytes = Math.max(1, over.responseBytes)
    const { costNanoUsd, outputNanoUsd, inputTokens, outputTokens } = seen
    const before = this.#learned.get(pair)
    const known = before ?? { ...NOTHING_LEARNED }
    const weight = before ? WEIGHT : 1
    known.inputTokensPerByte += (inputTokens / requestBytes - known.inputTokensPerByte) * weight
    known.outputTokens += (outputTokens - known.outputTokens) * weight
    known.outputTokensPerByte += (outputTokens / responseBytes - known.outputTokensPerByte) * weight
    if (costNanoUsd !== null) {
      const ofCost = known.priced ? WEIGHT : 1
      known.priced = true
      known.inputNanoUsdPerByte +=
        ((costNanoUsd - outputNanoUsd) / requestBytes - known.inputNanoUsdPerByte) * ofCost
      known.outputNanoUsd += (outputNanoUsd - known.outputNanoUsd) * ofCost
      known.outputNanoUsdPerByte += (outputNanoUsd / responseBytes - known.outputNanoUsdPerByte) * ofCost
    }
    if (before === undefined && this.#learned.size >= MAX_PAIRS)
      this.#learned.delete(this.#learned.keys().next().value!)
    // Only a map that is nearly full needs to know which was seen last.
    if (before && this.#learned.size < MAX_PAIRS / 2) return
    this.#learned.delete(pair)
    this.#learned.set(pair, known)
  }
}
