import type { ReadScope, Tenant } from './contract/tenant.ts'

/** Whether what belongs to a tenant is in a scope; everything is without one. */
export function isInScope(scope: ReadScope | undefined, { organizationId, workspaceId }: Tenant): boolean {
  if (!scope) return true
  if (organizationId === '') return scope.unowned === true
  if (organizationId !== scope.organizationId) return false
  return scope.workspaceIds === 'all' || scope.workspaceIds.includes(workspaceId)
}
