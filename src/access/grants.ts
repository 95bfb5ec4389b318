import { widerLimit } from '../limits/policies/limits-within.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import { rulesWithin, type KeyRules } from './key-rules.ts'
import type { KeyScope } from './key-scope.ts'
import type { Permission } from './permissions.ts'

/** The rights of a key that it can grant. */
export interface Grants {
  readonly permissions: ReadonlySet<Permission>
  readonly scope: KeyScope
  readonly rules: KeyRules
  /** Limits of the key alone. */
  readonly limits: readonly LimitPolicy[]
  /** Epoch microseconds; null for never. */
  readonly expiresAtUs: number | null
}

/** Whether a key can hand something on, or handle a key that has it. */
export type Grant =
  | { readonly kind: 'granted' }
  /** `reason` is for people. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Compares the rights of two keys. A key cannot grant what it does not have: not to a key that it makes or changes, and not to itself by
 * rotating another key's token. Limits are rights too: a granted key is limited at least as much as its maker.
 */
export function grants(maker: Grants, target: Grants): Grant {
  const more = [...target.permissions].filter((permission) => !maker.permissions.has(permission))
  if (more.length > 0)
    return refused(`a key cannot have permissions that its maker lacks: ${more.join(', ')}`)
  if (target.scope === 'organization' && maker.scope !== 'organization') {
    return refused('a key cannot have a wider scope than its maker')
  }
  if (!rulesWithin(maker.rules, target.rules)) {
    return refused('a key cannot be allowed models, providers, routes or networks that its maker is not')
  }
  const wider = widerLimit(maker.limits, target.limits)
  if (wider !== undefined) return refused(`a key cannot have wider limits than its maker: ${wider}`)
  const later = maker.expiresAtUs !== null && (target.expiresAtUs ?? Infinity) > maker.expiresAtUs
  return later ? refused('a key cannot outlive its maker') : { kind: 'granted' }
}

function refused(reason: string): Grant {
  return { kind: 'refused', reason }
}
