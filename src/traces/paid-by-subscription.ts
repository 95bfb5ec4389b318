/** What Anthropic's answers begin the names of a subscription's limits with. */
const UNIFIED = 'anthropic-ratelimit-unified-'

/** Limits of an organization that pays for each token. */
const API_LIMITS = ['anthropic-ratelimit-requests-limit', 'anthropic-ratelimit-tokens-limit']

/**
 * Whether a subscription paid for an exchange. The answer knows more than the token: a subscriber whose plan is used up may go on with
 * usage credits, which are billed, and tokens of workload identity federation travel in the same field and are billed too. The names are those
 * that Claude Code reads, as they were on answers in October 2026.
 *
 * @see https://platform.claude.com/docs/en/manage-claude/workload-identity-federation
 * @param byToken what the token of the request says
 * @param status of the answer; limits on a refusal say nothing of who pays
 * @param fields of the answer, lower-case names
 */
export function paidBySubscription(
  byToken: boolean,
  status: number,
  fields: Readonly<Record<string, string | readonly string[]>>,
): boolean {
  if (String(fields[`${UNIFIED}overage-in-use`]) === 'true') return false
  if (fields[`${UNIFIED}status`] !== undefined) return byToken || status < 400
  return byToken && !API_LIMITS.some((name) => fields[name] !== undefined)
}
