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
  /** Most tokens that the answer may have; `undefined` when the request does not say. */
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
  /** It rests on what such requests came to before. */
  readonly learned: boolean
  readonly costNanoUsd: number
  readonly tokens: number
  /** Of an answer's bytes: what a byte is expected to cost and to count, for answers that outgrow what was expected. */
  readonly outputNanoUsdPerByte: number
  readonly outputTokensPerByte: number
  readonly outputTokens: number
}

/** What an exchange came to: whole nano-USD for output, and tokens. */
export interface Observation {
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
  inputNanoUsdPerByte: number
  inputTokensPerByte: number
  outputNanoUsd: number
  outputTokens: number
  outputNanoUsdPerByte: number
  outputTokensPerByte: number
}

const NOTHING_LEARNED: Readonly<Learned> = {
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
    if (known) {
      const outputTokens = Math.min(known.outputTokens, maxOutputTokens ?? Infinity)
      const share = known.outputTokens > 0 ? outputTokens / known.outputTokens : 1
      const outputNanoUsd = known.outputNanoUsd * share
      return {
        pair,
        learned: true,
        costNanoUsd: Math.ceil(known.inputNanoUsdPerByte * requestBytes + outputNanoUsd),
        tokens: Math.ceil(known.inputTokensPerByte * requestBytes + outputTokens),
        outputNanoUsdPerByte: known.outputNanoUsdPerByte,
        outputTokensPerByte: known.outputTokensPerByte,
        outputTokens,
      }
    }
    const inputTokens = requestBytes / BYTES_PER_TOKEN
    const outputTokens = maxOutputTokens ?? UNKNOWN_OUTPUT_TOKENS
    const outputNanoUsd = outputTokens * (rates?.output ?? 0)
    return {
      pair,
      learned: false,
      costNanoUsd: Math.ceil(inputTokens * (rates?.input ?? 0) + outputNanoUsd),
      tokens: Math.ceil(inputTokens + outputTokens),
      outputNanoUsdPerByte: (rates?.output ?? 0) / STREAM_BYTES_PER_TOKEN,
      outputTokensPerByte: 1 / STREAM_BYTES_PER_TOKEN,
      outputTokens,
    }
  }

  /** Takes in what one request came to. @param pair names such requests @param costNanoUsd whole nano-USD, what was for input included */
  learn(pair: string, costNanoUsd: number, seen: Observation, over: ObservedBytes): void {
    const requestBytes = Math.max(1, over.requestBytes)
    const responseBytes = Math.max(1, over.responseBytes)
    const { outputNanoUsd, inputTokens, outputTokens } = seen
    const before = this.#learned.get(pair)
    const known = before ?? { ...NOTHING_LEARNED }
    const weight = before ? WEIGHT : 1
    known.inputNanoUsdPerByte +=
      ((costNanoUsd - outputNanoUsd) / requestBytes - known.inputNanoUsdPerByte) * weight
    known.inputTokensPerByte += (inputTokens / requestBytes - known.inputTokensPerByte) * weight
    known.outputNanoUsd += (outputNanoUsd - known.outputNanoUsd) * weight
    known.outputTokens += (outputTokens - known.outputTokens) * weight
    known.outputNanoUsdPerByte += (outputNanoUsd / responseBytes - known.outputNanoUsdPerByte) * weight
    known.outputTokensPerByte += (outputTokens / responseBytes - known.outputTokensPerByte) * weight
    if (before === undefined && this.#learned.size >= MAX_PAIRS)
      this.#learned.delete(this.#learned.keys().next().value!)
    // Only a map that is nearly full needs to know which was seen last.
    if (before && this.#learned.size < MAX_PAIRS / 2) return
    this.#learned.delete(pair)
    this.#learned.set(pair, known)
  }
}
