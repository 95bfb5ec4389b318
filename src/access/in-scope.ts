import type { ReadScope, Tenant } from './key-store.ts'

/** Whether a tenant is in a scope; every tenant is, without a scope. */
export function isInScope(scope: ReadScope | undefined, { organizationId, workspaceId }: Tenant): boolean {
  if (!scope) return true
  if (organizationId === '') return scope.unowned === true
  if (organizationId !== scope.organizationId) return false
  return scope.workspaceIds === 'all' || scope.workspaceIds.includes(workspaceId)
}
