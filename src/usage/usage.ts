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
 * Splits inclusive counts into disjoint buckets.
 *
 * Where a provider's parts exceed their total, the part is kept and the remainder is 0, and `notes` says so.
 */
export function disjoint(counts: InclusiveCounts, notes: string[]): Usage {
  const cached =
    of(counts.cacheRead) + of(counts.cacheWrite) + of(counts.cacheWrite5m) + of(counts.cacheWrite1h)
  const inputParts = cached + of(counts.inputAudio) + of(counts.inputImage)
  const outputParts = of(counts.reasoning) + of(counts.outputAudio) + of(counts.outputImage)
  return {
    ...some('input_uncached', remainder(counts.input, inputParts, 'input', notes)),
    ...some('cache_read', counts.cacheRead),
    ...some('cache_write', counts.cacheWrite),
    ...some('cache_write_5m', counts.cacheWrite5m),
    ...some('cache_write_1h', counts.cacheWrite1h),
    ...some('input_audio', counts.inputAudio),
    ...some('input_image', counts.inputImage),
    ...some('output_text', remainder(counts.output, outputParts, 'output', notes)),
    ...some('reasoning', counts.reasoning),
    ...some('output_audio', counts.outputAudio),
    ...some('output_image', counts.outputImage),
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

function some(bucket: Bucket, count: number | undefined): Usage {
  return count !== undefined && count > 0 ? { [bucket]: count } : {}
}

function remainder(total: number, parts: number, what: string, notes: string[]): number {
  if (total >= parts) return total - parts
  notes.push(`the provider's parts of ${what} (${parts}) exceed its total (${total})`)
  return 0
}
