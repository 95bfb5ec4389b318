import { nanoToUsd } from '../usage/money.ts'
import type { AttemptJson, AttemptUsage, Trace } from './trace.ts'

/** The number of attempts that an exchange usually takes. */
export function usualAttempts({ outcome }: { readonly outcome: string }): number {
  return outcome === 'refused' ? 0 : 1
}

/** The target of a request that passes as it came: `provider/model`, or the provider alone. Empty without an attempt. */
export function usualTarget(
  { provider, requestedModel }: Pick<Trace, 'provider' | 'requestedModel'>,
  attempts: number,
): string {
  if (attempts === 0) return ''
  return requestedModel === '' ? provider : `${provider}/${requestedModel}`
}

/**
 * The attempts of a trace, in the order in which they were made. A single one is filled in from the trace.
 *
 * @returns empty for what never reached a target
 */
export function attemptsOf(trace: Trace): readonly AttemptJson[] {
  const { attempts, detail } = trace
  if (attempts === 0) return []
  const stored = detail.attempts ?? []
  if (stored.length > 1) return stored as readonly AttemptJson[]
  return [{ ...singleAttempt(trace), ...stored[0] }]
}

/** What a trace says of its only attempt. */
function singleAttempt(trace: Trace): AttemptJson {
  const { timing, upstream } = trace.detail
  const firstByteUs = timing.upstream_first_byte_us ?? null
  return {
    target: trace.target,
    provider: trace.provider,
    model: trace.requestedModel === '' ? null : trace.requestedModel,
    credential: null,
    cause: 'ok',
    status: firstByteUs === null ? null : trace.responseStatus,
    started_us: timing.sent_us ?? null,
    first_byte_us: firstByteUs,
    ended_us: timing.completed_us,
    sent_bytes: upstream.sent_bytes ?? null,
    usage: tokensOf(trace),
    cost_usd: trace.costNanoUsd === null ? null : nanoToUsd(trace.costNanoUsd),
    cost_status: trace.costStatus,
    upstream_request_id: trace.upstreamRequestId === '' ? null : trace.upstreamRequestId,
  }
}

/** The tokens of a trace, in the names of the JSON contract. */
export function tokensOf(
  trace: Pick<
    Trace,
    | 'inputTokens'
    | 'outputTokens'
    | 'totalTokens'
    | 'cacheReadInputTokens'
    | 'cacheCreationInputTokens'
    | 'reasoningTokens'
  >,
): AttemptUsage {
  return {
    input_tokens: trace.inputTokens,
    output_tokens: trace.outputTokens,
    total_tokens: trace.totalTokens,
    cache_read_input_tokens: trace.cacheReadInputTokens,
    cache_creation_input_tokens: trace.cacheCreationInputTokens,
    reasoning_tokens: trace.reasoningTokens,
  }
}
