import { NO_ATTRIBUTION } from '../traces/attribution.ts'
import { usualAttempts, usualTarget } from '../traces/attempts.ts'
import type { Trace } from '../traces/trace.ts'

/** A trace as a journal payload: JSON, bodies in base64, and nothing that is never stored. */
export function encodeTrace(trace: Trace): Uint8Array {
  const body = (bytes: Uint8Array | null): string | null =>
    bytes ? Buffer.from(bytes).toString('base64') : null
  return Buffer.from(
    JSON.stringify({
      ...trace,
      modelCall: undefined,
      requestBody: body(trace.requestBody),
      responseBody: body(trace.responseBody),
    }),
  )
}

/** Fields that a journal of an earlier version lacks. */
const ABSENT_BEFORE = {
  ...NO_ATTRIBUTION,
  consumptionId: '',
  countedOnce: false,
  providerError: '',
  listPriceNanoUsd: null,
}

/**
 * A trace from a journal payload. Payloads are our own and checksummed, so only the members are checked that distinguish a trace from the
 * record of another version.
 *
 * @throws SyntaxError if it is not JSON, TypeError if it is not a trace
 */
export function decodeTrace(payload: Uint8Array): Trace {
  const raw = JSON.parse(Buffer.from(payload).toString('utf8')) as Trace & Record<string, unknown>
  if (typeof raw?.id !== 'string' || typeof raw.detail !== 'object' || typeof raw.createdAtUs !== 'number')
    throw new TypeError('this is no trace that this version knows')
  const body = (text: unknown): Uint8Array | null =>
    typeof text === 'string' ? Buffer.from(text, 'base64') : null
  const attempts = raw.attempts ?? usualAttempts(raw)
  return {
    ...ABSENT_BEFORE,
    ...raw,
    attempts,
    target: raw.target ?? usualTarget(raw, attempts),
    requestBody: body(raw.requestBody),
    responseBody: body(raw.responseBody),
  }
}
