import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api'
import { isInference } from '../providers/inference.ts'
import { wireApiNamed } from '../providers/registry.ts'
import type { Exchange, ExchangeSpan } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import type { Bucket, Usage } from '../usage/usage.ts'
import { telemetryNameOf } from '../providers/dialects/vendors.ts'

const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]

/** A call of a provider that has ended. */
interface Call {
  readonly exchange: Exchange
  readonly span: ExchangeSpan
  readonly trace: Trace
  readonly attributes: Attributes
  readonly inference: boolean
  /** What it failed with; absent when it went well. */
  readonly error: string | undefined
}

/**
 * The metrics of the GenAI conventions, which are still in development. The default names are those of the last core conventions (1.41).
 * The opt-in uses the first separate release (v0.1.0 of semantic-conventions-genai).
 *
 * @see https://github.com/open-telemetry/semantic-conventions-genai
 */
export class GenAiMetrics {
  readonly #times: (call: Call) => void
  readonly #tokens: (call: Call) => void

  constructor(meter: Meter, latest: boolean) {
    const inference = latest ? 'gen_ai.client.inference' : OPERATION
    this.#times = timesOf(meter, inference)
    this.#tokens = latest ? latestTokens(meter) : releasedTokens(meter)
  }

  /** @param model as labels have it @param error likewise; absent when the call went well */
  exchange(exchange: Exchange, span: ExchangeSpan, trace: Trace, model: string, error?: string): void {
    const operation = wireApiNamed(trace.api)?.operation
    if (operation === undefined) return
    const attributes = {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': telemetryNameOf(trace.provider),
      'gen_ai.request.model': model,
    }
    const call = { exchange, span, trace, attributes, inference: isInference(operation), error }
    this.#tokens(call)
    this.#times(call)
  }
}

const secondsOf = (meter: Meter, name: string, description: string): Histogram =>
  meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: SECONDS } })

const tokensOf = (meter: Meter, name: string, description: string): Histogram =>
  meter.createHistogram(name, {
    description,
    unit: '{token}',
    advice: { explicitBucketBoundaries: TOKENS },
  })

/** The released family; in the newest names, that of calls in which no model writes. */
const OPERATION = 'gen_ai.client.operation'

/** @param family of calls in which a model writes */
function timesOf(meter: Meter, family: string): (call: Call) => void {
  const writing = secondsOf(meter, `${family}.duration`, 'GenAI operation duration.')
  const other =
    family === OPERATION ? writing : secondsOf(meter, `${OPERATION}.duration`, 'GenAI operation duration.')
  const firstChunk = secondsOf(
    meter,
    `${family}.time_to_first_chunk`,
    'Time to the first chunk of a streamed answer.',
  )
  const perChunk = secondsOf(
    meter,
    `${family}.time_per_output_chunk`,
    'Time per chunk of a streamed answer after the first.',
  )
  return ({ exchange, span, trace, attributes, inference, error }) => {
    const duration = inference ? writing : other
    const failure = error === undefined ? {} : { 'error.type': error }
    duration.record((exchange.completedUs - span.sentUs) / 1e6, { ...attributes, ...failure })
    if (!exchange.streaming || trace.timeToFirstTokenUs <= 0) return
    firstChunk.record((trace.timeToFirstTokenUs - span.sentUs) / 1e6, attributes)
    const chunks = exchange.responseChunks - 1
    if (chunks > 0)
      perChunk.record((exchange.completedUs - trace.timeToFirstTokenUs) / 1e6 / chunks, attributes)
  }
}

function releasedTokens(meter: Meter): (call: Call) => void {
  const usage = tokensOf(meter, 'gen_ai.client.token.usage', 'Number of input and output tokens used.')
  return ({ trace, attributes }) => {
    if (trace.inputTokens > 0)
      usage.record(trace.inputTokens, { ...attributes, 'gen_ai.token.type': 'input' })
    if (trace.outputTokens > 0)
      usage.record(trace.outputTokens, { ...attributes, 'gen_ai.token.type': 'output' })
  }
}

/** Kinds of tokens that are counted apart, and the buckets that are in each; all other tokens have no known modality. */
const COUNTED = {
  input_tokens: {
    audio: ['input_audio', 'cache_read_audio'],
    image: ['input_image', 'cache_read_image'],
    video: ['input_video'],
  },
  output_tokens: { audio: ['output_audio'], image: ['output_image'] },
  'cache_read.input_tokens': { audio: ['cache_read_audio'], image: ['cache_read_image'] },
  'cache_write.input_tokens': {},
  'reasoning.output_tokens': {},
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly Bucket[]>>>>

type Counted = keyof typeof COUNTED

/**
 * Counters of what providers report, without estimates, and distributions over successful calls. Counters are
 * there from the start, at 0; a call that reports nothing adds 0.
 */
function latestTokens(meter: Meter): (call: Call) => void {
  const names = Object.keys(COUNTED) as Counted[]
  const counters = new Map<Counted, Counter>(
    names.map((name) => [
      name,
      meter.createCounter(`gen_ai.client.inference.usage.${name}`, {
        description: `Number of ${name.replaceAll(/[._]/g, ' ')} used, as reported.`,
        unit: '{token}',
      }),
    ]),
  )
  const perCall = {
    input: tokensOf(meter, 'gen_ai.client.inference.operation.input_tokens', 'Input tokens of a call.'),
    output: tokensOf(meter, 'gen_ai.client.inference.operation.output_tokens', 'Output tokens of a call.'),
  }
  for (const counter of counters.values()) counter.add(0, { 'gen_ai.token.modality': 'unknown' })
  return ({ trace, attributes, error }) => {
    const reported = trace.usageSource === 'reported' || trace.usageSource === 'injected'
    const totals: Readonly<Record<Counted, number>> = {
      input_tokens: trace.inputTokens,
      output_tokens: trace.outputTokens,
      'cache_read.input_tokens': trace.cacheReadInputTokens,
      'cache_write.input_tokens': trace.cacheCreationInputTokens,
      'reasoning.output_tokens': trace.reasoningTokens,
    }
    for (const [name, counter] of counters) {
      const split = reported ? byModality(totals[name], COUNTED[name], trace.detail.usage.buckets) : []
      for (const [modality, count] of split)
        counter.add(count, { ...attributes, 'gen_ai.token.modality': modality })
      const always = name === 'input_tokens' || name === 'output_tokens'
      if (split.length === 0 && always) counter.add(0, { ...attributes, 'gen_ai.token.modality': 'unknown' })
    }
    if (!reported || error !== undefined) return
    perCall.input.record(trace.inputTokens, attributes)
    perCall.output.record(trace.outputTokens, attributes)
  }
}

/** Splits a total by its known parts, without those that are 0. */
function byModality(
  total: number,
  known: Readonly<Record<string, readonly Bucket[]>>,
  buckets: Usage,
): readonly (readonly [string, number])[] {
  let rest = total
  const split: [string, number][] = []
  for (const [modality, names] of Object.entries(known)) {
    const sum = names.reduce((before, name) => before + (buckets[name] ?? 0), 0)
    const count = Math.min(sum, rest)
    rest -= count
    split.push([modality, count])
  }
  return [...split, ['unknown', rest] as const].filter(([, count]) => count > 0)
}
