import { listOf, objectOf, objectsOf, textOf, type JsonObject } from '../wire/json/values.ts'
import type { AttemptCause } from './exchange.ts'

/** Words by which providers say why a request failed: error types, codes, statuses. Lower case. */
const CAUSE_OF_WORD: Readonly<Record<string, AttemptCause>> = {
  overloaded: 'overloaded',
  overloaded_error: 'overloaded',
  engine_overloaded: 'overloaded',
  server_overloaded: 'overloaded',
  server_is_overloaded: 'overloaded',
  model_overloaded: 'overloaded',
  slow_down: 'overloaded',
  unavailable: 'overloaded',
  serviceunavailableexception: 'overloaded',
  modelnotreadyexception: 'overloaded',
  insufficient_quota: 'quota',
  insufficient_balance: 'quota',
  insufficient_credits: 'quota',
  billing_error: 'quota',
  billing_hard_limit_reached: 'quota',
  billing_not_active: 'quota',
  credit_balance_too_low: 'quota',
  servicequotaexceededexception: 'quota',
  rate_limit_error: 'rate',
  rate_limit_exceeded: 'rate',
  rate_limited: 'rate',
  too_many_requests: 'rate',
  resource_exhausted: 'rate',
  throttlingexception: 'rate',
  tokens: 'rate',
  requests: 'rate',
  authentication_error: 'auth',
  invalid_api_key: 'auth',
  api_key_invalid: 'auth',
  api_key_expired: 'auth',
  account_deactivated: 'auth',
  permission_error: 'auth',
  permission_denied: 'auth',
  unauthenticated: 'auth',
  accessdeniedexception: 'auth',
  expiredtokenexception: 'auth',
  unrecognizedclientexception: 'auth',
  invalid_request_error: 'rejected',
  invalid_argument: 'rejected',
  validationexception: 'rejected',
  not_found_error: 'rejected',
  not_found: 'rejected',
  content_filter: 'rejected',
  server_error: 'status_5xx',
  api_error: 'status_5xx',
  internal: 'status_5xx',
  internal_server_error: 'status_5xx',
  internalserverexception: 'status_5xx',
  modelstreamerrorexception: 'status_5xx',
}

/** What messages say where type and code are vague, when the status does not blame the request. */
const CAUSE_OF_MESSAGE: readonly (readonly [RegExp, AttemptCause])[] = [
  [/\bcredit balance is too low\b|\binsufficient (?:balance|credits?|funds)\b/i, 'quota'],
  [/\boverloaded\b/i, 'overloaded'],
]

/**
 * What messages say under a status that blames the request. There they may repeat what the caller wrote, so only whole sentences of
 * providers count: Anthropic's 400, and texts that are nothing else.
 */
const CAUSE_OF_SENTENCE: readonly (readonly [RegExp, AttemptCause])[] = [
  [/^your credit balance is too low to |^insufficient (?:balance|credits?|funds)[.!]?$/i, 'quota'],
]

/** Of several words, the one that says most. */
const STRONGEST: readonly AttemptCause[] = ['overloaded', 'quota', 'auth', 'rate', 'status_5xx', 'rejected']

/** What a failed response says, as far as the cause depends on it. */
export interface FailureWords {
  /** Types, codes and statuses. */
  readonly words: readonly string[]
  readonly message: string
  /** A number among the codes that is an HTTP status; 0 for none. */
  readonly status: number
  /** A quota that begins anew only tomorrow is used up. */
  readonly daily: boolean
}

/**
 * Reads why a response, or an event of one, failed, in the shapes of every dialect.
 *
 * @returns `undefined` when it reports no failure
 */
export function failureWords(content: JsonObject): FailureWords | undefined {
  const error = errorOf(content)
  if (error === undefined) return undefined
  if (typeof error === 'string') return { words: [error], message: error, status: 0, daily: false }
  const codes = [error['type'], error['code'], error['status'], error['reason'], error['__type']]
  const details = objectsOf(error['details'])
  const status = [...codes, content['status_code']].find(
    (code) => typeof code === 'number' && code >= 400 && code <= 599,
  )
  return {
    words: [...codes, ...details.map((detail) => detail['reason'])].flatMap((word) => textOf(word) ?? []),
    message: textOf(error['message']) ?? '',
    status: typeof status === 'number' ? status : 0,
    daily: details.some((detail) =>
      listOf(detail['violations']).some((one) => /PerDay/i.test(textOf(objectOf(one)?.['quotaId']) ?? '')),
    ),
  }
}

function errorOf(content: JsonObject): JsonObject | string | undefined {
  const { error } = content
  if (typeof error === 'string' && error !== '') return error
  const object = objectOf(error)
  if (object && Object.keys(object).length > 0) return object
  const response = objectOf(content['response'])
  const inner = response && objectOf(response['error'])
  if (inner) return inner
  const isError = content['type'] === 'error' || content['object'] === 'error' || '__type' in content
  return isError ? content : undefined
}

/** The cause that words name; `undefined` when they name none. @param byStatus what the status names */
function causeOfWords(
  { words, message, daily }: FailureWords,
  byStatus: AttemptCause,
): AttemptCause | undefined {
  if (daily) return 'quota'
  const named = words.map((word) => CAUSE_OF_WORD[word.toLowerCase().replaceAll(' ', '_')])
  const sayings = byStatus === 'rejected' || byStatus === 'auth' ? CAUSE_OF_SENTENCE : CAUSE_OF_MESSAGE
  const said = sayings.find(([pattern]) => pattern.test(message))?.[1]
  return STRONGEST.find((cause) => cause === said || named.includes(cause))
}

/** The cause that a status alone names. @param status of the upstream; 0 when none came */
export function causeOfStatus(status: number): AttemptCause {
  switch (status) {
    case 0:
      // We gave it up: the gateway stops, or the key counts no longer.
      return 'client_aborted'
    case 401:
    case 403:
      return 'auth'
    case 402:
      return 'quota'
    case 429:
      return 'rate'
    case 529:
      return 'overloaded'
    default:
      if (status >= 500) return 'status_5xx'
      return status >= 400 ? 'rejected' : 'ok'
  }
}

/**
 * The cause of a response: its content decides over its status.
 *
 * @param words what the content says; `undefined` when it reports no failure or was not seen
 */
export function causeOfResponse(status: number, words: FailureWords | undefined): AttemptCause {
  if (!words) return causeOfStatus(status)
  const byStatus = causeOfStatus(status < 400 && words.status > 0 ? words.status : status)
  const named = causeOfWords(words, byStatus)
  // A vague word says no more than the status does.
  if (named === undefined || named === 'rejected' || named === 'status_5xx') {
    if (byStatus !== 'ok') return byStatus
    return named ?? 'status_5xx'
  }
  return named
}
