import type { Dialect } from '../config/config.ts'

/** What Anthropic's answers begin the names of a subscription's limits with. */
const UNIFIED = 'anthropic-ratelimit-unified-'

/** Limits of an organization that pays for each token. */
const API_LIMITS = ['anthropic-ratelimit-requests-limit', 'anthropic-ratelimit-tokens-limit']

/** Fields of an answer, lower-case names. */
type ResponseFields = Readonly<Record<string, string | readonly string[]>>

/**
 * Whether a subscription paid for an exchange.
 *
 * @param byToken what the token of the request says
 * @param dialect of the provider: only Anthropic's answers say who paid
 */
export function paidBySubscription(
  byToken: boolean,
  dialect: Dialect,
  status: number,
  fields: ResponseFields,
): boolean {
  return saysSubscription(dialect, status, fields) ?? byToken
}

/**
 * What an answer says of who paid; `undefined` when it says nothing. It knows more than the token: a subscriber whose plan is used up may
 * go on with usage credits, which are billed, and tokens of workload identity federation travel in the same field and are billed too. The
 * names are those that Claude Code reads, as they were on answers in October 2026.
 *
 * @see https://platform.claude.com/docs/en/manage-claude/workload-identity-federation
 * @param status limits on a refusal say nothing of who pays
 */
export function saysSubscription(
  dialect: Dialect,
  status: number,
  fields: ResponseFields,
): boolean | undefined {
  if (dialect !== 'anthropic') return undefined
  if (String(fields[`${UNIFIED}overage-in-use`]) === 'true') return false
  if (fields[`${UNIFIED}status`] !== undefined) return status < 400 ? true : undefined
  return API_LIMITS.some((name) => fields[name] !== undefined) ? false : undefined
}
