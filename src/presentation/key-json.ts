import { type IssuedKey, tenantOfFileKey } from '../access/key-administration.ts'
import { type KeyRules, RULE_LISTS } from '../access/key-rules.ts'
import type { StoredGatewayKey } from '../access/key-store.ts'
import type { GatewayKeyConfig } from '../access/settings.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import { formatTime } from '../time/rfc3339.ts'
import { given } from '../wire/json/json-field.ts'

/** What the contract shows for a time that never was. */
const ZERO_TIME = '0001-01-01T00:00:00Z'

/** A key of the store as the contract shows it, with what we add to it. */
export function keyJson(key: StoredGatewayKey): Record<string, unknown> {
  const time = (us: number | null): string => (us === null ? ZERO_TIME : formatTime(us))
  const { previous } = key
  return {
    id: key.id,
    org_id: key.organizationId,
    workspace_id: key.workspaceId,
    ...given('name', key.name),
    ...given('description', key.description),
    ...given('created_by', key.createdBy),
    last_used_at: time(key.lastUsedAtUs),
    ...given('role', key.role),
    scope: key.scope,
    ...(key.permissions.length === 0 ? {} : { permissions: key.permissions }),
    created_at: time(key.createdAtUs),
    updated_at: time(key.updatedAtUs),
    source: 'store',
    ...given('token_prefix', key.prefix),
    ...(key.expiresAtUs === null ? {} : { expires_at: formatTime(key.expiresAtUs) }),
    ...(Object.keys(key.labels).length === 0 ? {} : { labels: key.labels }),
    ...rulesJson(key.rules),
    ...limitsJson(key.limits),
    ...(previous && previous.untilUs > Date.now() * 1000
      ? { previous_token_valid_until: formatTime(previous.untilUs) }
      : {}),
  }
}

/** A key of the file: it can be seen here, and changed only there. */
export function fileKeyJson(key: GatewayKeyConfig): Record<string, unknown> {
  const { organizationId, workspaceId } = tenantOfFileKey(key)
  return {
    id: key.id.trim(),
    org_id: organizationId,
    workspace_id: workspaceId,
    ...given('name', key.name),
    ...given('description', key.description),
    ...given('created_by', key.createdBy),
    last_used_at: ZERO_TIME,
    ...given('role', key.role.trim().toLowerCase()),
    scope: key.scope,
    ...(key.permissions.length === 0 ? {} : { permissions: key.permissions }),
    created_at: ZERO_TIME,
    source: 'file',
    read_only: true,
    ...(key.expiresAtUs === null ? {} : { expires_at: formatTime(key.expiresAtUs) }),
    ...rulesJson(key.rules),
    ...limitsJson(key.limits),
  }
}

/** A key with its token, which is shown this once. */
export function issuedJson({ key, token }: IssuedKey): object {
  return { ...keyJson(key), token }
}

function rulesJson(rules: KeyRules): Partial<KeyRules> {
  return Object.fromEntries(
    RULE_LISTS.filter((list) => rules[list].length > 0).map((list) => [list, rules[list]]),
  )
}

/** Limits in the form of the settings; absent settings are left out. */
function limitsJson(limits: readonly LimitPolicy[]): { limits?: object[] } {
  if (limits.length === 0) return {}
  return {
    limits: limits.map(({ name, splitBy, match, budget, onBackendFailure, ...policy }) => ({
      name,
      ...given('split_by', splitBy),
      ...(match.provider + match.model === ''
        ? {}
        : { match: { ...given('provider', match.provider), ...given('model', match.model) } }),
      ...numbers({
        requests_per_minute: policy.requestsPerMinute,
        tokens_per_minute: policy.tokensPerMinute,
        concurrent_requests: policy.concurrentRequests,
        max_request_bytes: policy.maxRequestBytes,
      }),
      ...(budget.costUsd + budget.tokens === 0
        ? {}
        : {
            budget: {
              ...numbers({ cost_usd: budget.costUsd, tokens: budget.tokens }),
              period: budget.period,
              ...(budget.period === 'rolling' ? { rolling_hours: budget.rollingHours } : {}),
              time_zone: budget.timeZone,
              enforcement: budget.enforcement,
              ...(budget.countIncluded ? { count_included: true } : {}),
              ...(budget.warnAt.length === 0 ? {} : { warn_at: budget.warnAt }),
            },
          }),
      on_backend_failure: onBackendFailure,
    })),
  }
}

function numbers(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0))
}
