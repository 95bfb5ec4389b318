import type { Exchange } from './exchange.ts'
import type { StoredAttempt, TraceDetail } from './trace.ts'

/**
 * The part of a trace's detail that says how its request was sent.
 *
 * @param about `host` of the last upstream; `firstTokenUs` is 0 when no token came; `attempts` as they are stored
 */
export function sendingDetail(
  exchange: Exchange,
  about: {
    readonly host: string
    readonly firstTokenUs: number
    readonly attempts: readonly StoredAttempt[] | undefined
  },
): Pick<TraceDetail, 'timing' | 'upstream' | 'attempts' | 'mutated' | 'fidelity'> {
  const { limitWaitUs, upstreamFirstByteUs, completedUs, attempts, fidelity } = exchange
  const sent = attempts.at(-1)
  return {
    timing: {
      received_us: 0,
      ...(limitWaitUs > 0 ? { limit_wait_us: limitWaitUs } : {}),
      ...(sent ? { sent_us: Math.round(sent.startedUs) } : {}),
      ...(upstreamFirstByteUs >= 0 ? { upstream_first_byte_us: Math.round(upstreamFirstByteUs) } : {}),
      ...(about.firstTokenUs > 0 ? { first_token_us: about.firstTokenUs } : {}),
      completed_us: Math.round(completedUs),
    },
    upstream: {
      url_host: about.host,
      attempts: attempts.length,
      ...(sent ? { sent_bytes: sent.sentBytes } : {}),
    },
    ...(about.attempts ? { attempts: about.attempts } : {}),
    ...mutatedOf(exchange),
    ...(fidelity ? { fidelity } : {}),
  }
}

/** Where the request was changed, by routing and by policies. */
function mutatedOf({ mutated = [], injected, inspection }: Exchange): { mutated?: readonly string[] } {
  const redacted = inspection?.request?.decision === 'redacted'
  if (mutated.length === 0 && !injected && !redacted) return {}
  return {
    mutated: [
      ...mutated,
      ...(injected ? ['stream_options.include_usage'] : []),
      ...(redacted ? ['content'] : []),
    ],
  }
}
