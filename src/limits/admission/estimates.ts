import type { RequestBounds } from './bounds.ts'

/** How much a new observation counts against the ones before. */
const WEIGHT = 0.25

/** Pairs of key and model that are remembered; those not seen for longest go first. */
const MAX_PAIRS = 10_000

/** Tokens of an answer of which nothing is known, unless its request allows itself less. */
const UNKNOWN_OUTPUT_TOKENS = 1000

/** Bytes of a request that make a token, about. */
const BYTES_PER_TOKEN = 4

/** Bytes of an event stream that carry a token, about: more than most, so that too much is not reserved. */
const STREAM_BYTES_PER_TOKEN = 250

/** What a request is expected to come to. Nano-USD and tokens. */
export interface Estimate {
  /** Names such requests. */
  readonly pair: string
  readonly costNanoUsd: number
  readonly tokens: number
  /** Of them, those of the request. */
  readonly inputTokens: number
  /** Of an answer's bytes: what a byte is expected to cost and to count, for answers that outgrow the estimate. */
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

/** What requests of a key to a model came to on average, as the rollups have it. */
export interface PastAverage {
  /** Names them: whose they are, the provider and the model. */
  readonly pair: string
  readonly costNanoUsd: number
  readonly outputTokens: number
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

/** What is expected of a request that may cost nothing. */
export const FREE: Estimate = {
  pair: '',
  costNanoUsd: 0,
  tokens: 0,
  inputTokens: 0,
  outputNanoUsdPerByte: 0,
  outputTokensPerByte: 0,
  outputTokens: 0,
}

/** Estimates what requests come to: as those of the same key to the same model before them, and never more output than they allow. */
export class Estimates {
  readonly #learned = new Map<string, Learned>()
  readonly #past = new Map<string, PastAverage>()

  /** Takes averages of requests before this process began, for as long as it has seen none of its own. */
  seed(averages: readonly PastAverage[]): void {
    for (const average of averages.slice(0, MAX_PAIRS)) this.#past.set(average.pair, average)
  }

  /**
   * @param pair names requests that come to about the same
   * @param past names them as the averages of the past do
   */
  of(pair: string, past: string, { requestBytes, maxOutputTokens, rates }: RequestBounds): Estimate {
    const known = this.#learned.get(pair)
    const before = known ? undefined : this.#past.get(past)
    const inputTokens = requestBytes * (known?.inputTokensPerByte ?? 1 / BYTES_PER_TOKEN)
    const usual = known?.outputTokens ?? before?.outputTokens ?? UNKNOWN_OUTPUT_TOKENS
    const outputTokens = Math.min(usual, maxOutputTokens ?? Infinity)
    const unknownPerByte = maxOutputTokens === 0 ? 0 : 1 / STREAM_BYTES_PER_TOKEN
    const outputTokensPerByte = known?.outputTokensPerByte ?? unknownPerByte
    let costNanoUsd = inputTokens * (rates?.input ?? 0) + outputTokens * (rates?.output ?? 0)
    let outputNanoUsdPerByte = outputTokensPerByte * (rates?.output ?? 0)
    if (known?.priced) {
      const share = known.outputTokens > 0 ? outputTokens / known.outputTokens : 1
      costNanoUsd = known.inputNanoUsdPerByte * requestBytes + known.outputNanoUsd * share
      outputNanoUsdPerByte = known.outputNanoUsdPerByte
    } else if (before) costNanoUsd = Math.max(costNanoUsd, before.costNanoUsd)
    return {
      pair,
      costNanoUsd: Math.ceil(costNanoUsd),
      tokens: Math.ceil(inputTokens + outputTokens),
      inputTokens,
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
