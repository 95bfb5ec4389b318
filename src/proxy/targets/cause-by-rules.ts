import type { RetryRule } from '../../providers/settings.ts'
import type { AttemptCause } from '../../traces/exchange.ts'
import { causeOfResponse, failureWords } from '../../traces/failure-cause.ts'
import type { JsonObject } from '../../wire/json/values.ts'

/** What of a response was seen before any of it was passed on. */
export interface SeenResponse {
  readonly status: number
  /** Its content, or the beginning of it, as text; empty when it was not seen. */
  readonly text: string
  /** The JSON object that it is, or the event that reports a failure; `undefined` for neither. */
  readonly object: JsonObject | undefined
}

/**
 * The cause of a response. The provider's own rules (`retry_on`) come first, then the content, then the status.
 *
 * @returns `ok` for a response that reports no failure
 */
export function causeByRules(
  { status, text, object }: SeenResponse,
  rules: readonly RetryRule[],
): AttemptCause {
  for (const rule of rules) {
    if (rule.status === status && text.includes(rule.bodyContains)) return rule.as
  }
  return causeOfResponse(status, object && failureWords(object))
}
