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
  custom: [],
}

/** Names of the roles, most powerful first; `custom` has the explicit permissions of its key alone. */
export const ROLE_NAMES: readonly string[] = Object.keys(ROLES).filter((role) => role !== '')

/** Whether a role name means something. The empty role counts: it is `developer`. */
function isRole(role: string): boolean {
  return Object.hasOwn(ROLES, role)
}

/** What is wrong with a role and explicit permissions, in words; `undefined` when a key may have them. */
export function roleProblem(role: string, explicit: readonly string[]): string | undefined {
  if (!isRole(role)) return `role must be one of ${ROLE_NAMES.join(', ')}`
  return role === 'custom' && explicit.length === 0
    ? `role custom needs permissions: of ${PERMISSIONS.join(', ')}`
    : undefined
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
