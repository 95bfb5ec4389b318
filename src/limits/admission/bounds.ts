import type { Estimate } from './estimates.ts'

/** What a token costs, in nano-USD. */
export interface TokenRates {
  readonly input: number
  readonly output: number
  /** The highest rates that can apply to such a request; absent where a request is billed by more than its tokens. */
  readonly most?: { readonly input: number; readonly output: number }
  /** Tokens that a request and one of its answers have together at most; absent where the price list does not say. */
  readonly contextWindow?: number
}

/** The first rates, with bounds that hold for both models. */
export function boundedByBoth(first: TokenRates, second: TokenRates): TokenRates {
  const { most, contextWindow, ...usual } = first
  const bothMost = most &&
    second.most && {
      input: Math.max(most.input, second.most.input),
      output: Math.max(most.output, second.most.output),
    }
  const known = contextWindow !== undefined && second.contextWindow !== undefined
  return {
    ...usual,
    ...(bothMost ? { most: bothMost } : {}),
    ...(known ? { contextWindow: Math.max(contextWindow, second.contextWindow) } : {}),
  }
}

/** What a request says of itself before it is sent. */
export interface RequestBounds {
  readonly requestBytes: number
  /** Most tokens that all its answers may have together; `undefined` when it does not say, 0 where answers are no text. */
  readonly maxOutputTokens: number | undefined
  /** How many answers it asks for. */
  readonly answers: number
  /** One answer, or so many, and then it is over; not so a WebSocket, nor what starts work that is billed later. */
  readonly answeredOnce: boolean
  /** It asks for its answer bit by bit: such answers have many more bytes. */
  readonly streaming: boolean
  /** `undefined` when no price is known. */
  readonly rates: TokenRates | undefined
}

/** The most that a request can come to; a member is `undefined` where nothing bounds it. */
export interface Most {
  readonly costNanoUsd: number | undefined
  readonly tokens: number | undefined
}

/** Bytes that make a token of a request at least, about: of code and of other scripts more tokens are made than of English. */
const FEWEST_BYTES_PER_TOKEN = 3

/**
 * The most that a request can come to: its input as far as its bytes tell, and the output that it allows itself, else the context window.
 * Fees for what is not a token (searches of a tool, say) are not in it.
 */
export function mostOf(
  { requestBytes, maxOutputTokens, answers, answeredOnce, rates }: RequestBounds,
  estimate: Pick<Estimate, 'costNanoUsd' | 'tokens' | 'inputTokens'>,
): Most {
  const window = rates?.contextWindow === undefined ? Infinity : rates.contextWindow * answers
  const output = Math.min(maxOutputTokens ?? Infinity, window)
  if (!answeredOnce || output === Infinity) return { costNanoUsd: undefined, tokens: undefined }
  const input = Math.max(requestBytes / FEWEST_BYTES_PER_TOKEN, estimate.inputTokens)
  const cost = rates?.most && input * rates.most.input + output * rates.most.output
  return {
    costNanoUsd: cost === undefined ? undefined : Math.max(Math.ceil(cost), estimate.costNanoUsd),
    tokens: Math.max(Math.ceil(input + output), estimate.tokens),
  }
}
