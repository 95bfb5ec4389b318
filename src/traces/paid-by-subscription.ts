import type { DialectName } from '../providers/dialects/dialects.ts'

/** Prefix of subscription limits in the fields of Anthropic's responses. */
const UNIFIED = 'anthropic-ratelimit-unified-'

/** Limits of an organization that pays for each token. */
const API_LIMITS = ['anthropic-ratelimit-requests-limit', 'anthropic-ratelimit-tokens-limit']

/** Fields of a response, lower-case names. */
type ResponseFields = Readonly<Record<string, string | readonly string[]>>

/**
 * Whether a subscription paid for an exchange.
 *
 * @param byToken what the request's token suggests
 * @param dialect of the provider: only Anthropic's responses say who paid
 */
export function paidBySubscription(
  byToken: boolean,
  dialect: DialectName,
  status: number,
  fields: ResponseFields,
): boolean {
  return saysSubscription(dialect, status, fields) ?? byToken
}

/**
 * Who paid according to the response. `undefined` if it does not say. The response knows more than the token. A
 * subscriber with a used-up plan may continue with usage credits, which are billed. Tokens of workload identity
 * federation use the same field and are billed too. The names are those that Claude Code reads, as of October 2026.
 *
 * @see https://platform.claude.com/docs/en/manage-claude/workload-identity-federation
 * @param status limits on a refusal do not say who pays
 */
export function saysSubscription(
  dialect: DialectName,
  status: number,
  fields: ResponseFields,
): boolean | undefined {
  if (dialect !== 'anthropic') return undefined
  if (String(fields[`${UNIFIED}overage-in-use`]) === 'true') return false
  if (fields[`${UNIFIED}status`] !== undefined) return status < 400 ? true : undefined
  return API_LIMITS.some((name) => fields[name] !== undefined) ? false : undefined
}
