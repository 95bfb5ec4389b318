/** Kinds of tokens that are priced apart. They never overlap: a token is counted in exactly one. */
export const BUCKETS = [
  'input_uncached',
  'cache_read',
  'cache_write',
  'cache_write_5m',
  'cache_write_1h',
  'input_audio',
  'input_image',
  'output_text',
  'reasoning',
  'output_audio',
  'output_image',
] as const

/** One kind of token. `cache_write` is a write whose lifetime the provider does not name. */
export type Bucket = (typeof BUCKETS)[number]

/** Tokens by bucket; a bucket that is absent counted nothing. All values are positive integers. */
export type Usage = { readonly [bucket in Bucket]?: number }

/** Usage of one model within an answer. Most answers have one; an advisor or a fallback adds others. */
export interface ModelUsage {
  /** Absent when it is the model of the answer itself. */
  readonly model?: string
  readonly usage: Usage
  /**
   * Parts as the provider reports them, where they overlap and the buckets had to be cut down; else absent and the
   * buckets say the same.
   */
  readonly reported?: {
    readonly cacheRead: number
    readonly cacheCreation: number
    readonly reasoning: number
  }
  /** Requests to server tools, billed apart from tokens. */
  readonly webSearches?: number
}

/** What a provider counts, in its inclusive terms: cached and audio parts are inside the totals. */
export interface InclusiveCounts {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  readonly cacheWrite5m?: number
  readonly cacheWrite1h?: number
  readonly reasoning?: number
  readonly inputAudio?: number
  readonly inputImage?: number
  readonly outputAudio?: number
  readonly outputImage?: number
}

/**
 * Splits inclusive counts into disjoint buckets that come to the provider's totals.
 *
 * Parts that together exceed their total are cut down, in the order of the buckets; `notes` says so and `reported`
 * keeps what the provider said.
 */
export function disjoint(counts: InclusiveCounts, notes: string[]): Pick<ModelUsage, 'usage' | 'reported'> {
  const usage: { [bucket in Bucket]?: number } = {}
  const split = (
    total: number,
    rest: Bucket,
    parts: readonly (readonly [Bucket, number | undefined])[],
  ): boolean => {
    let left = total
    let cut = false
    for (const [bucket, count = 0] of parts) {
      const taken = Math.min(count, left)
      if (taken < count) cut = true
      if (taken > 0) usage[bucket] = taken
      left -= taken
    }
    if (left > 0) usage[rest] = left
    return cut
  }
  const inputCut = split(counts.input, 'input_uncached', [
    ['cache_read', counts.cacheRead],
    ['cache_write', counts.cacheWrite],
    ['cache_write_5m', counts.cacheWrite5m],
    ['cache_write_1h', counts.cacheWrite1h],
    ['input_audio', counts.inputAudio],
    ['input_image', counts.inputImage],
  ])
  const outputCut = split(counts.output, 'output_text', [
    ['reasoning', counts.reasoning],
    ['output_audio', counts.outputAudio],
    ['output_image', counts.outputImage],
  ])
  if (!inputCut && !outputCut) return { usage }
  if (inputCut) notes.push(`the provider's parts of the input exceed it (${counts.input})`)
  if (outputCut) notes.push(`the provider's parts of the output exceed it (${counts.output})`)
  const cacheCreation = of(counts.cacheWrite) + of(counts.cacheWrite5m) + of(counts.cacheWrite1h)
  return {
    usage,
    reported: { cacheRead: of(counts.cacheRead), cacheCreation, reasoning: of(counts.reasoning) },
  }
}

/** Adds usages bucket by bucket. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum: { [bucket in Bucket]?: number } = { ...a }
  for (const bucket of BUCKETS) {
    const more = b[bucket]
    if (more !== undefined) sum[bucket] = of(sum[bucket]) + more
  }
  return sum
}

/** gen_ai.usage.input_tokens: everything the model read, cached parts included. */
export function inputTokens(usage: Usage): number {
  return (
    of(usage.input_uncached) +
    of(usage.cache_read) +
    cacheCreationTokens(usage) +
    of(usage.input_audio) +
    of(usage.input_image)
  )
}

/** gen_ai.usage.cache_creation.input_tokens: the part of the input written to a cache, whatever its lifetime. */
export function cacheCreationTokens(usage: Usage): number {
  return of(usage.cache_write) + of(usage.cache_write_5m) + of(usage.cache_write_1h)
}

/** gen_ai.usage.output_tokens: everything the model wrote, reasoning included. */
export function outputTokens(usage: Usage): number {
  return of(usage.output_text) + of(usage.reasoning) + of(usage.output_audio) + of(usage.output_image)
}

function of(count: number | undefined): number {
  return count ?? 0
}
