import { rulesWithin, type KeyRules } from './key-rules.ts'
import type { Permission } from './permissions.ts'

/** What a key can do, as far as it can be handed on. */
export interface Powers {
  readonly permissions: ReadonlySet<Permission>
  readonly rules: KeyRules
  /** Epoch microseconds; null for never. */
  readonly expiresAtUs: number | null
}

/**
 * What keeps one key from giving another its powers, or from handling it at all: nobody gets, through a key that he makes or a token
 * that he renews, what he may not do himself.
 *
 * @returns in words; `undefined` when nothing does
 */
export function beyondPowers(actor: Powers, target: Powers): string | undefined {
  const more = [...target.permissions].filter((permission) => !actor.permissions.has(permission))
  if (more.length > 0) return `a key cannot have permissions that its maker lacks: ${more.join(', ')}`
  if (!rulesWithin(actor.rules, target.rules)) {
    return 'a key cannot be allowed models, providers, routes or networks that its maker is not'
  }
  const later = actor.expiresAtUs !== null && (target.expiresAtUs ?? Infinity) > actor.expiresAtUs
  return later ? 'a key cannot outlive its maker' : undefined
}
