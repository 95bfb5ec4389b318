import { requirePermission } from '../access/authorize.ts'
import { isInScope } from '../access/in-scope.ts'
import type { ReadScope } from '../access/key-store.ts'
import { ANONYMOUS, type Identity } from '../access/keyring.ts'
import { isOperator } from '../access/operator.ts'
import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import type { LimitTotals } from '../limits/policies/tenant-tallies.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { given } from '../wire/json/json-field.ts'
import type { ApiContext, ApiHandler } from './api-context.ts'
import { readScopeOf } from './read-scope.ts'

/** The parameters of the limits. */
export const LIMITS_PARAMETERS = ['key_id', 'end_user', 'session_id', 'provider', 'model'] as const

/**
 * `GET /api/limits`: the limits of the caller's key, or of another key, end user or session that it may read, with their state.
 * `totals` cover what the caller may read; the whole process for the operator.
 */
export const getLimits: ApiHandler = async (request, context) => {
  const { query: parameters, identity } = request
  const scope = await readScopeOf(request, context)
  const asked = keyAskedFor(parameters.text('key_id'), identity, scope, context)
  const caller = asked?.caller ?? ANONYMOUS
  const facts = {
    endUser: parameters.text('end_user') ?? '',
    sessionId: parameters.text('session_id') ?? '',
    provider: parameters.text('provider') ?? '',
    model: parameters.text('model') ?? '',
  }
  let limits
  try {
    limits = await context.limits.standings(context.limitsOf(asked), facts)
  } catch (error) {
    throw new GatewayError('limits_unavailable', 'gateway usage limit check unavailable', { cause: error })
  }
  const everything = isOperator(identity) && parameters.all('workspace_id').length === 0
  return jsonResponse(200, {
    schema_version: 'limits.v1',
    generated_at: formatSecond(Date.now() * 1000),
    org_id: caller.organizationId,
    workspace_id: caller.workspaceId,
    ...given('key_id', caller.keyId),
    ...given('end_user', facts.endUser),
    ...given('session_id', facts.sessionId),
    ...given('provider', facts.provider),
    ...given('model', facts.model),
    limits,
    totals: totalsJson(context.limits.totals(everything ? undefined : (tenant) => isInScope(scope, tenant))),
  })
}

/** The caller's own key, or another one that it may read for those who manage keys. */
function keyAskedFor(
  keyId: string | undefined,
  identity: Identity | undefined,
  scope: ReadScope | undefined,
  context: ApiContext,
): Identity | undefined {
  if (!identity || !scope || keyId === undefined) return identity
  if (keyId === identity.caller.keyId && isInScope(scope, identity.caller)) return identity
  requirePermission(identity, 'keys:manage')
  const other = context.keyOf(scope, keyId)
  if (!other) throw new GatewayError('gateway_key_not_found', 'gateway key not found')
  return other
}

function totalsJson({ admitted, refused, backendFailures, waited, warnings, assumed }: LimitTotals): object {
  return {
    admitted_total: admitted,
    refused_total: refused,
    backend_failures_total: backendFailures,
    limits_waited_total: waited,
    budget_warnings_total: warnings,
    assumed_cost_total: assumed,
  }
}
