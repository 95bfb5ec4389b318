import type { ReadScope } from '../access/key-store.ts'
import { isOperator } from '../access/operator.ts'
import { GatewayError } from '../errors.ts'
import type { TraceReader } from '../storage/contract/traces.ts'
import type { ApiContext, ApiRequest } from './api-context.ts'
import { storeFailing } from './store-failing.ts'

/**
 * What a request may read: the workspace of its key, or with the scope `organization` every workspace of the key's organization, or
 * those that `workspace_id` names.
 *
 * @returns `undefined` for everything, while keys are off
 * @throws GatewayError `permission_denied` for a `workspace_id` that the key may not read
 */
export async function readScopeOf(
  { identity, query }: Pick<ApiRequest, 'identity' | 'query'>,
  context: Pick<ApiContext, 'readerFor' | 'keyOf'>,
): Promise<ReadScope | undefined> {
  if (!identity) return undefined
  const { organizationId, workspaceId } = identity.caller
  const named = [...new Set(query.all('workspace_id'))]
  for (const id of named) {
    if (id === workspaceId) continue
    if (identity.scope !== 'organization') throw unreadable()
    const workspace = { organizationId, workspaceIds: [id] }
    if (context.keyOf(workspace)) continue
    // One whose keys are all gone may still have a record.
    const reader = context.readerFor(workspace)
    if ((await storeFailing('failed to read workspace', () => reader.lastArrival())) === undefined)
      throw unreadable()
  }
  if (identity.scope !== 'organization') return { organizationId, workspaceIds: [workspaceId] }
  if (named.length > 0) return { organizationId, workspaceIds: named }
  return { organizationId, workspaceIds: 'all', ...(isOperator(identity) ? { unowned: true } : {}) }
}

/** A reader of the traces that a request may read. @throws GatewayError as `readScopeOf` does */
export async function readerOf(request: ApiRequest, context: ApiContext): Promise<TraceReader> {
  return context.readerFor(await readScopeOf(request, context))
}

function unreadable(): GatewayError {
  return new GatewayError('permission_denied', 'gateway key may not read this workspace')
}
