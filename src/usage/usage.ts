/** Kinds of tokens with separate prices. They never overlap: each token counts in exactly one. */
export const BUCKETS = [
  'input_uncached',
  'cache_read',
  'cache_read_audio',
  'cache_read_image',
  'cache_write',
  'cache_write_5m',
  'cache_write_30m',
  'cache_write_1h',
  'cache_write_12h',
  'input_audio',
  'input_image',
  'input_video',
  'output_text',
  'reasoning',
  'output_audio',
  'output_image',
] as const

/** One kind of token. `cache_write` is a write whose lifetime the provider does not name. */
export type Bucket = (typeof BUCKETS)[number]

/** Tokens by bucket. An absent bucket counted nothing. All values are positive integers. */
export type Usage = { readonly [bucket in Bucket]?: number }

/** Units other than tokens that are billed. */
export const UNITS = [
  'web_searches',
  /** Calls of OpenAI's web search preview, and responses of its search models. */
  'web_search_previews',
  /** Gemini responses grounded in Google Search, with any number of searches. */
  'grounded_prompts',
  /** Gemini responses grounded in Google Maps. */
  'maps_prompts',
  'x_searches',
  'code_runs',
  'file_searches',
  /** Sandboxes in which the model's code ran. */
  'containers',
  /** Stored tokens, times hours. */
  'cached_token_hours',
  'search_units',
  'requests',
  'text_messages',
  'images',
  'pages',
  'audio_seconds',
  'billable_characters',
] as const

/** One such unit. */
export type Unit = (typeof UNITS)[number]

/** Amounts by unit, 0 or more; seconds may have a fraction. */
export type Units = { readonly [unit in Unit]?: number }

/** Parts of input and output as the provider reports them. Unlike buckets they may overlap (cached audio is in two). */
export interface Parts {
  readonly cacheRead: number
  readonly cacheCreation: number
  readonly reasoning: number
  readonly audioInput: number
  readonly audioOutput: number
  readonly imageInput: number
  readonly imageOutput: number
}

/** Nothing in any part. */
export const NO_PARTS: Parts = {
  cacheRead: 0,
  cacheCreation: 0,
  reasoning: 0,
  audioInput: 0,
  audioOutput: 0,
  imageInput: 0,
  imageOutput: 0,
}

/** One bill within a response. Most responses have one. A session has one per response. An advisor adds another model's. */
export interface ModelUsage {
  /** Absent when it is the responding model itself. */
  readonly model?: string
  readonly usage: Usage
  readonly parts: Parts
  readonly units?: Units
  /** Service tier of this bill, if it differs from the response's. */
  readonly serviceTier?: string
  /** Its purpose, if it is not the response's own bill. It is then priced, but not in the response's totals. */
  readonly apart?: 'advisor' | 'transcription' | 'declined_attempt' | 'image_generation'
  /** The provider does not say whether this is billed. It is listed but not priced. */
  readonly uncertain?: true
  /** The provider's own charge in USD. It overrides tokens times price. */
  readonly reportedUsd?: number
  /** Charges that the response causes but does not report. Without them the cost is an estimate. */
  readonly unreported?: readonly string[]
}

/** A provider's inclusive counts: cached and audio parts are inside the totals. */
export interface InclusiveCounts {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number | undefined
  /** Parts of `cacheRead`. */
  readonly cacheReadAudio?: number | undefined
  readonly cacheReadImage?: number | undefined
  readonly cacheWrite?: number | undefined
  readonly cacheWrite5m?: number | undefined
  readonly cacheWrite30m?: number | undefined
  readonly cacheWrite1h?: number | undefined
  readonly cacheWrite12h?: number | undefined
  readonly reasoning?: number | undefined
  /** Cached audio, image and video included. */
  readonly inputAudio?: number | undefined
  readonly inputImage?: number | undefined
  readonly inputVideo?: number | undefined
  readonly outputAudio?: number | undefined
  readonly outputImage?: number | undefined
}

/**
 * Splits inclusive counts into disjoint buckets that add up to the provider's totals.
 *
 * Parts that exceed their total are reduced, in the order of the buckets, and `notes` says so. `parts` keeps the
 * provider's figures.
 */
export function disjoint(counts: InclusiveCounts, notes: string[]): ModelUsage {
  const usage: MutableUsage = {}
  const cachedAudio = Math.min(of(counts.cacheReadAudio), of(counts.inputAudio), of(counts.cacheRead))
  const cachedImage = Math.min(
    of(counts.cacheReadImage),
    of(counts.inputImage),
    of(counts.cacheRead) - cachedAudio,
  )
  const input = new Split(usage, counts.input)
  input.take('cache_read', of(counts.cacheRead) - cachedAudio - cachedImage)
  input.take('cache_read_audio', cachedAudio)
  input.take('cache_read_image', cachedImage)
  input.take('cache_write', of(counts.cacheWrite))
  input.take('cache_write_5m', of(counts.cacheWrite5m))
  input.take('cache_write_30m', of(counts.cacheWrite30m))
  input.take('cache_write_1h', of(counts.cacheWrite1h))
  input.take('cache_write_12h', of(counts.cacheWrite12h))
  input.take('input_audio', of(counts.inputAudio) - cachedAudio)
  input.take('input_image', of(counts.inputImage) - cachedImage)
  input.take('input_video', of(counts.inputVideo))
  input.rest('input_uncached')
  const output = new Split(usage, counts.output)
  output.take('reasoning', of(counts.reasoning))
  output.take('output_audio', of(counts.outputAudio))
  output.take('output_image', of(counts.outputImage))
  output.rest('output_text')
  if (input.cut) notes.push(`the provider's parts of the input exceed it (${counts.input})`)
  if (output.cut) notes.push(`the provider's parts of the output exceed it (${counts.output})`)
  return {
    usage,
    parts: {
      cacheRead: of(counts.cacheRead),
      cacheCreation:
        of(counts.cacheWrite) +
        of(counts.cacheWrite5m) +
        of(counts.cacheWrite30m) +
        of(counts.cacheWrite1h) +
        of(counts.cacheWrite12h),
      reasoning: of(counts.reasoning),
      audioInput: of(counts.inputAudio),
      audioOutput: of(counts.outputAudio),
      imageInput: of(counts.inputImage),
      imageOutput: of(counts.outputImage),
    },
  }
}

type MutableUsage = { [bucket in Bucket]?: number }

/** Splits a total into buckets. */
class Split {
  readonly #usage: MutableUsage
  #left: number
  /** A part was reduced, because it exceeded what was left. */
  cut = false

  constructor(usage: MutableUsage, total: number) {
    this.#usage = usage
    this.#left = total
  }

  take(bucket: Bucket, count: number): void {
    if (count === 0) return
    const taken = Math.min(count, this.#left)
    if (taken < count) this.cut = true
    if (taken > 0) this.#usage[bucket] = taken
    this.#left -= taken
  }

  rest(bucket: Bucket): void {
    if (this.#left > 0) this.#usage[bucket] = this.#left
  }
}

/** Notes a total that differs from the sum of the buckets. */
export function checkTotal({ usage }: ModelUsage, total: number | undefined, notes: string[]): void {
  const sum = inputTokens(usage) + outputTokens(usage)
  if (total !== undefined && total !== sum) {
    notes.push(`the provider's total is ${total}, its input and output come to ${sum}`)
  }
}

/** Adds usages bucket by bucket. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum: MutableUsage = { ...a }
  for (const bucket of BUCKETS) {
    const more = b[bucket]
    if (more !== undefined) sum[bucket] = of(sum[bucket]) + more
  }
  return sum
}

/** A usage with its buckets in their order. */
export function inOrder(usage: Usage): Usage {
  const ordered: MutableUsage = {}
  for (const bucket of BUCKETS) {
    const tokens = usage[bucket]
    if (tokens !== undefined) ordered[bucket] = tokens
  }
  return ordered
}

/** Adds amounts unit by unit. */
export function addUnits(a: Units, b: Units): Units {
  const sum: { [unit in Unit]?: number } = { ...a }
  for (const unit of UNITS) {
    const more = b[unit]
    if (more !== undefined) sum[unit] = addQuantities(of(sum[unit]), more)
  }
  return sum
}

/** Adds amounts of units as decimals of nine digits, so that fractional seconds add up exactly. */
export function addQuantities(a: number, b: number): number {
  return Math.round((a + b) * 1e9) / 1e9
}

/** Adds parts one by one. */
export function addParts(a: Parts, b: Parts): Parts {
  return {
    cacheRead: a.cacheRead + b.cacheRead,
    cacheCreation: a.cacheCreation + b.cacheCreation,
    reasoning: a.reasoning + b.reasoning,
    audioInput: a.audioInput + b.audioInput,
    audioOutput: a.audioOutput + b.audioOutput,
    imageInput: a.imageInput + b.imageInput,
    imageOutput: a.imageOutput + b.imageOutput,
  }
}

/** Adds two bills of the same model. */
export function addModelUsage(a: ModelUsage, b: ModelUsage): ModelUsage {
  const units = a.units || b.units ? addUnits(a.units ?? {}, b.units ?? {}) : undefined
  return {
    ...a,
    usage: addUsage(a.usage, b.usage),
    parts: addParts(a.parts, b.parts),
    ...(units ? { units } : {}),
  }
}

/** gen_ai.usage.input_tokens: everything the model read, cached parts included. */
export function inputTokens(usage: Usage): number {
  return (
    of(usage.input_uncached) +
    of(usage.cache_read) +
    of(usage.cache_read_audio) +
    of(usage.cache_read_image) +
    of(usage.cache_write) +
    of(usage.cache_write_5m) +
    of(usage.cache_write_30m) +
    of(usage.cache_write_1h) +
    of(usage.cache_write_12h) +
    of(usage.input_audio) +
    of(usage.input_image) +
    of(usage.input_video)
  )
}

/** gen_ai.usage.output_tokens: everything the model wrote, reasoning included. */
export function outputTokens(usage: Usage): number {
  return of(usage.output_text) + of(usage.reasoning) + of(usage.output_audio) + of(usage.output_image)
}

function of(count: number | undefined): number {
  return count ?? 0
}
