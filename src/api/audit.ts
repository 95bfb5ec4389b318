import { AUDIT_ACTIONS, AUDIT_OUTCOMES } from '../audit/audit-event.ts'
import { defined } from '../presentation/defined.ts'
import { jsonResponse } from '../http/json-response.ts'
import { given } from '../wire/json/json-field.ts'
import { formatTime } from '../time/rfc3339.ts'
import type { StoredAuditEvent } from '../storage/contract/audit-trail.ts'
import type { ApiHandler } from './api-context.ts'
import { invalidParameter } from './query-parameters.ts'
import { readScopeOf } from './read-scope.ts'
import { storeFailing } from './store-failing.ts'
import { RANGE_PARAMETERS, readRange } from './trace-filter.ts'

const MAX_EVENTS = 500
const DEFAULT_EVENTS = 50

/** The parameters of a list of audit events. */
export const AUDIT_PARAMETERS = [
  ...RANGE_PARAMETERS,
  'action',
  'actor',
  'outcome',
  'limit',
  'cursor',
] as const

/** `GET /api/audit`: who did what, newest first, a page at a time. */
export const listAudit: ApiHandler = async (request, context) => {
  const { query: parameters } = request
  const limit = parameters.integer('limit', 0, MAX_EVENTS) || DEFAULT_EVENTS
  const filter = {
    ...readRange(parameters, Date.now() * 1000),
    ...defined({
      action: parameters.oneOf('action', AUDIT_ACTIONS),
      actor: parameters.text('actor'),
      outcome: parameters.oneOf('outcome', AUDIT_OUTCOMES),
    }),
  }
  const before = readCursor(parameters.text('cursor'))
  const scope = await readScopeOf(request, context)
  const events = await storeFailing('failed to query audit events', () =>
    context.auditEvents(scope, filter, limit, before),
  )
  const last = events.length === limit ? events.at(-1) : undefined
  return jsonResponse(200, {
    items: events.map(eventJson),
    ...(last ? { next_cursor: String(last.seq) } : {}),
  })
}

function readCursor(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^[1-9]\d{0,14}$/.test(text)) throw invalidParameter('invalid cursor')
  return Number(text)
}

function eventJson(event: StoredAuditEvent): object {
  return {
    id: event.id,
    at: formatTime(event.atUs),
    org_id: event.organizationId,
    workspace_id: event.workspaceId,
    actor: event.actor,
    action: event.action,
    ...given('target', event.target),
    outcome: event.outcome,
    ...given('reason', event.reason),
    ...(event.status === 0 ? {} : { status: event.status }),
    ...given('correlation_id', event.correlationId),
    ...given('client_address', event.clientAddress),
    ...(Object.keys(event.detail).length === 0 ? {} : { detail: event.detail }),
  }
}
