import type { KeyScheme } from '../../access/key-hash.ts'
import { type KeyRules, NO_RULES } from '../../access/key-rules.ts'
import type { KeyScope } from '../../access/key-scope.ts'
import type { KeySettings, StoredGatewayKey } from '../../access/key-store.ts'
import type { LimitPolicy } from '../../limits/policies/policy.ts'
import type { GatewayKeysTable } from '../schema.ts'
import type { Selectable } from 'kysely'

/** A key from its row. */
export function fromKeyRow(row: Selectable<GatewayKeysTable>): StoredGatewayKey {
  return {
    id: row.id,
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    scope: row.scope as KeyScope,
    name: row.name,
    description: row.description,
    createdBy: row.created_by,
    role: row.role,
    permissions: JSON.parse(row.permissions) as string[],
    labels: JSON.parse(row.labels) as Record<string, string>,
    rules: { ...NO_RULES, ...(JSON.parse(row.rules) as Partial<KeyRules>) },
    limits: (JSON.parse(row.limits) as LimitPolicy[]).map(withAllTerms),
    prefix: row.prefix,
    hash: row.hash,
    scheme: row.scheme as KeyScheme,
    previous:
      row.previous_hash === ''
        ? null
        : {
            hash: row.previous_hash,
            scheme: row.previous_scheme as KeyScheme,
            untilUs: row.previous_until_us,
          },
    createdAtUs: row.created_at_us,
    updatedAtUs: row.updated_at_us,
    expiresAtUs: row.expires_at_us,
    lastUsedAtUs: row.last_used_at_us,
    revokedAtUs: row.revoked_at_us,
  }
}

/** The row of a key. */
export function toKeyRow(key: StoredGatewayKey): Selectable<GatewayKeysTable> {
  return {
    id: key.id,
    organization_id: key.organizationId,
    workspace_id: key.workspaceId,
    scope: key.scope,
    created_by: key.createdBy,
    ...(toSettingsRow(key) as Required<ReturnType<typeof toSettingsRow>>),
    prefix: key.prefix,
    hash: key.hash,
    scheme: key.scheme,
    previous_hash: key.previous?.hash ?? '',
    previous_scheme: key.previous?.scheme ?? 'sha256',
    previous_until_us: key.previous?.untilUs ?? 0,
    created_at_us: key.createdAtUs,
    updated_at_us: key.updatedAtUs,
    last_used_at_us: key.lastUsedAtUs,
    revoked_at_us: key.revokedAtUs,
  }
}

/** The columns of those settings that are given. */
export function toSettingsRow(
  settings: Partial<KeySettings>,
): Partial<
  Pick<
    Selectable<GatewayKeysTable>,
    'name' | 'description' | 'role' | 'permissions' | 'labels' | 'rules' | 'limits' | 'expires_at_us'
  >
> {
  const { name, description, role, permissions, labels, rules, limits, expiresAtUs } = settings
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(role === undefined ? {} : { role }),
    ...(permissions === undefined ? {} : { permissions: JSON.stringify(permissions) }),
    ...(labels === undefined ? {} : { labels: JSON.stringify(labels) }),
    ...(rules === undefined ? {} : { rules: JSON.stringify(rules) }),
    ...(limits === undefined ? {} : { limits: JSON.stringify(limits) }),
    ...(expiresAtUs === undefined ? {} : { expires_at_us: expiresAtUs }),
  }
}

/** Limits that an earlier version stored lack newer members. */
function withAllTerms(policy: LimitPolicy): LimitPolicy {
  return { ...policy, budget: { ...policy.budget, countIncluded: policy.budget.countIncluded ?? false } }
}
