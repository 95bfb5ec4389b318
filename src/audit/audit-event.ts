/** What can be audited. Names are permanent. */
export const AUDIT_ACTIONS = [
  'gateway_auth',
  'key.create',
  'key.update',
  'key.rotate',
  'key.revoke',
  'config.reload',
  'traces.export',
  'traces.import',
  'budget.warning',
  'budget.spent',
  'limit.reset',
  'limit.raise',
  'content.redact',
  'content.block',
  'content.deny',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

/** The outcome. */
export const AUDIT_OUTCOMES = ['success', 'deny', 'error'] as const

/** The actor, the action, its target and the outcome. Holds no secret: keys appear by their ids. */
export interface AuditEvent {
  /** 32 lower-case hexadecimal digits, time-ordered. */
  readonly id: string
  /** Epoch microseconds. */
  readonly atUs: number
  /** Empty, as the workspace is, for requests without a valid key: they are of no tenant. */
  readonly organizationId: string
  readonly workspaceId: string
  /** Id of the gateway key that acted; `anonymous` without one, `system` for the gateway, `cli` for the command line. */
  readonly actor: string
  readonly action: AuditAction
  /** What was acted on: a path, a key's id, a budget's name; empty for nothing in particular. */
  readonly target: string
  readonly outcome: (typeof AUDIT_OUTCOMES)[number]
  /** Why, as a permanent word; empty when there is nothing to say. */
  readonly reason: string
  /** HTTP status; 0 for an event that was not a request. */
  readonly status: number
  readonly correlationId: string
  /** Address of the client, without port; empty when there was none. */
  readonly clientAddress: string
  /** Further facts. */
  readonly detail: Readonly<Record<string, unknown>>
}

/** An event that happens now. What the gateway and its operator do belongs to the operator's organization. */
export function auditEvent(
  event: Pick<AuditEvent, 'actor' | 'action'> & Partial<Omit<AuditEvent, 'id' | 'atUs'>>,
): AuditEvent {
  return {
    id: Bun.randomUUIDv7().replaceAll('-', ''),
    atUs: Date.now() * 1000,
    organizationId: 'default',
    workspaceId: 'default',
    target: '',
    outcome: 'success',
    reason: '',
    status: 0,
    correlationId: '',
    clientAddress: '',
    detail: {},
    ...event,
  }
}
