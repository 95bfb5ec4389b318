import type { AttemptCause } from '../../traces/exchange.ts'

/**
 * What an attempt's end says about its target:
 *
 * - `works` — it responded as it should
 * - `failed` — it counts towards the breaker
 * - `down` — the breaker opens at once
 * - `busy` — it rests until the time that it named, which is no failure
 * - `nothing` — the end concerns the caller or a credential
 */
export type TargetVerdict = 'works' | 'failed' | 'down' | 'busy' | 'nothing'

/** The closed list of causes, and what each says about the target. */
export const VERDICT_OF: Readonly<Record<AttemptCause, TargetVerdict>> = {
  ok: 'works',
  // The target is well: the request was wrong.
  rejected: 'works',
  connect: 'down',
  first_byte_timeout: 'failed',
  status_5xx: 'failed',
  overloaded: 'failed',
  truncated: 'failed',
  timeout: 'failed',
  rate: 'busy',
  quota: 'nothing',
  auth: 'nothing',
  client_aborted: 'nothing',
}

/** The causes after which the same request may be sent again. */
export const RETRIED_CAUSES: ReadonlySet<AttemptCause> = new Set<AttemptCause>([
  'connect',
  'first_byte_timeout',
  'status_5xx',
  'overloaded',
  'rate',
  'quota',
  'auth',
  'truncated',
  'timeout',
])
