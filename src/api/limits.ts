import type { Identity } from '../access/keyring.ts'
import { ANONYMOUS } from '../access/keyring.ts'
import { requirePermission } from '../access/authorize.ts'
import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import { given } from '../json-field.ts'
import { formatSecond } from '../rfc3339.ts'
import type { ApiContext, ApiHandler } from './api-context.ts'
import { QueryParameters } from './query-parameters.ts'

/** `GET /api/limits`: the limits of the caller's key, or of another key, end user or session of its tenant, and where they stand. */
export const getLimits: ApiHandler = async ({ query, identity }, context) => {
  const parameters = new QueryParameters(query)
  const asked = keyAskedFor(parameters.text('key_id'), identity, context)
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
    totals: totalsJson(context),
  })
}

/** The caller's own key, or another one of its tenant for those who manage keys. */
function keyAskedFor(
  keyId: string | undefined,
  identity: Identity | undefined,
  context: ApiContext,
): Identity | undefined {
  if (!identity || keyId === undefined || keyId === identity.caller.keyId) return identity
  requirePermission(identity, 'keys:manage')
  const other = context.keyOf(identity.caller, keyId)
  if (!other) throw new GatewayError('gateway_key_not_found', 'gateway key not found')
  return other
}

/** What this process has counted since it began. */
function totalsJson({ limits }: ApiContext): object {
  const { admitted, refused, backendFailures, warnings, assumed } = limits.totals()
  return {
    admitted_total: admitted,
    refused_total: refused,
    backend_failures_total: backendFailures,
    budget_warnings_total: warnings,
    assumed_cost_total: assumed,
  }
}
