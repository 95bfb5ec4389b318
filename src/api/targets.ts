import { isInScope } from '../access/in-scope.ts'
import { jsonResponse } from '../http/json-response.ts'
import type { ApiHandler } from './api-context.ts'
import { readScopeOf } from './read-scope.ts'

/** `GET /api/targets`: every target with its state, and the counts of the traffic that the caller may read. */
export const getTargets: ApiHandler = async (request, context) => {
  const scope = await readScopeOf(request, context)
  return jsonResponse(200, { items: context.targets((tenant) => isInScope(scope, tenant)) })
}
