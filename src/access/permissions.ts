/** What a gateway key may do. */
export type Permission = 'proxy:write' | 'analytics:read' | 'keys:manage' | 'audit:read'

/** Every permission there is. */
export const PERMISSIONS: readonly Permission[] = [
  'proxy:write',
  'analytics:read',
  'keys:manage',
  'audit:read',
]

const ROLES: Readonly<Record<string, readonly Permission[]>> = {
  owner: PERMISSIONS,
  admin: PERMISSIONS,
  developer: ['proxy:write', 'analytics:read'],
  member: ['proxy:write', 'analytics:read'],
  '': ['proxy:write', 'analytics:read'],
  viewer: ['analytics:read'],
}

/** Names of the roles, most powerful first. */
export const ROLE_NAMES: readonly string[] = Object.keys(ROLES).filter((role) => role !== '')

/** Whether a role name means something. The empty role counts: it is `developer`. */
export function isRole(role: string): boolean {
  return Object.hasOwn(ROLES, role)
}

/** Whether a text is the name of a permission. */
export function isPermission(name: string): name is Permission {
  return (PERMISSIONS as readonly string[]).includes(name)
}

/**
 * Permissions of a key: its role's and the explicit ones. Explicit ones only add; unknown roles give none.
 *
 * @param role trimmed and lower-cased
 * @param explicit trimmed and lower-cased; names that mean nothing are left out
 */
export function permissionsOf(role: string, explicit: readonly string[]): ReadonlySet<Permission> {
  return new Set([
    ...(Object.hasOwn(ROLES, role) ? ROLES[role]! : []),
    ...explicit.filter((name) => isPermission(name)),
  ])
}
