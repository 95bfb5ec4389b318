import { backgroundClock, CoalescingTimer } from '../time/coalescing-timer.ts'
import type { GatewayErrorCode } from '../errors.ts'
import { ANONYMOUS, UNRECOGNISED } from '../access/keyring.ts'
import type { Caller } from '../traces/exchange.ts'
import { auditEvent, type AuditEvent } from './audit-event.ts'

/** Denials of one kind that get an event each in a window. The others share one at its end. */
const TOLD_DENIALS = 50
const WINDOW_MS = 10_000

/** Most kinds that are distinguished, and most addresses that are counted, in a window. */
const MAX_KINDS = 1000
const MAX_ADDRESSES = 1000

/** A span, by the names that logs give it; empty when it is not exported. */
export interface SpanFields {
  readonly trace_id?: string
  readonly span_id?: string
}

/** A request that was turned away. */
export interface Denial {
  readonly code: GatewayErrorCode
  readonly status: number
  readonly correlationId: string
  /** As it may be shown: `ShownPaths`. */
  readonly path: string
  readonly clientAddress: string
  /** `UNRECOGNISED` without a valid key, `ANONYMOUS` while keys are off. */
  readonly caller: Caller
  /** `proxy`, `traces`, …; what the contract calls a resource. */
  readonly resource: string
  readonly resourceAction: string
  readonly provider: string
  readonly requiredPermission: string
  /** The contract's code of the limit; empty for none. */
  readonly limitCode: string
  /** The exchange's span; absent where requests have none. */
  readonly span?: SpanFields
}

/** A change of a key, or why it failed. */
export interface KeyChange {
  readonly action: 'create' | 'update' | 'rotate' | 'revoke'
  readonly outcome: 'success' | 'deny' | 'error'
  readonly reason: string
  readonly status: number
  readonly correlationId: string
  readonly clientAddress: string
  readonly actor: string
  readonly organizationId: string
  readonly workspaceId: string
  readonly target: string
}

/** Where the trail leads. */
export interface AuditPorts {
  readonly store: (events: readonly AuditEvent[]) => void
  readonly log: (level: 'INFO' | 'WARN', message: string, fields: Readonly<Record<string, unknown>>) => void
}

interface Flood {
  count: number
  readonly first: Denial
  readonly addresses: Set<string>
}

/** Records who did what, in the log and in the store. It stays short, however many requests are refused. */
export class AuditTrail {
  readonly #ports: AuditPorts
  readonly #kinds = new Map<string, Flood>()
  readonly #timer = new CoalescingTimer(() => this.flush(), backgroundClock)

  constructor(ports: AuditPorts) {
    this.#ports = ports
  }

  /** What was done by others than requests: reloads, exports, warnings of budgets. */
  record(event: Parameters<typeof auditEvent>[0]): void {
    const { actor, action, target = '', outcome = 'success', reason = '', detail = {} } = event
    this.#ports.log('INFO', 'audit event', {
      audit_action: action,
      audit_outcome: outcome,
      audit_reason: reason,
      actor,
      target,
      ...detail,
    })
    this.#ports.store([auditEvent(event)])
  }

  /**
   * A request that was turned away.
   *
   * @returns whether it has an event of its own; one of many is only counted
   */
  denied(denial: Denial): boolean {
    const reason = reasonOf(denial.code)
    const kind = `${reason} ${denial.caller.organizationId}/${denial.caller.workspaceId}/${denial.caller.keyId}`
    const known = this.#kinds.get(kind)
    if (!known && this.#kinds.size >= MAX_KINDS) return false
    const flood = known ?? { count: 0, first: denial, addresses: new Set<string>() }
    if (!known) this.#kinds.set(kind, flood)
    flood.count += 1
    if (flood.addresses.size < MAX_ADDRESSES) flood.addresses.add(denial.clientAddress)
    this.#timer.arm(WINDOW_MS)
    if (flood.count > TOLD_DENIALS) return false
    this.#report(denial, {})
    return true
  }

  /** Reports the denials that were only counted so far. */
  flush(): void {
    this.#timer.cancel()
    for (const { count, first, addresses } of this.#kinds.values()) {
      if (count <= TOLD_DENIALS) continue
      const more = { denials: count - TOLD_DENIALS, client_addresses: addresses.size }
      this.#report({ ...first, correlationId: '', clientAddress: '', span: {} }, more)
    }
    this.#kinds.clear()
  }

  /** A key that was made, changed, renewed or ended. */
  keyChanged(change: KeyChange): void {
    this.#ports.log('INFO', 'audit gateway key lifecycle', {
      correlation_id: change.correlationId,
      audit_action: change.action,
      audit_outcome: change.outcome,
      audit_reason: change.reason,
      status_code: change.status,
      actor_key_id: change.actor,
      org_id: change.organizationId,
      workspace_id: change.workspaceId,
      target_key_id: change.target,
    })
    this.#ports.store([auditEvent({ ...change, action: `key.${change.action}` })])
  }

  #report(denial: Denial, more: Readonly<Record<string, number>>): void {
    const { caller } = denial
    const reason = reasonOf(denial.code)
    this.#ports.log('WARN', 'audit gateway auth deny', {
      correlation_id: denial.correlationId,
      audit_action: 'gateway_auth',
      audit_outcome: 'deny',
      audit_reason: reason,
      status_code: denial.status,
      path: denial.path,
      audit_resource: denial.resource,
      audit_resource_action: denial.resourceAction,
      audit_scope: 'workspace',
      provider: denial.provider,
      required_permission: denial.requiredPermission,
      key_id: caller.keyId,
      org_id: caller.organizationId,
      workspace_id: caller.workspaceId,
      limit_code: denial.limitCode,
      client_address: denial.clientAddress,
      ...denial.span,
      ...more,
    })
    this.#ports.store([
      auditEvent({
        actor: caller === UNRECOGNISED || caller === ANONYMOUS ? 'anonymous' : caller.keyId || 'unnamed key',
        action: 'gateway_auth',
        organizationId: caller.organizationId,
        workspaceId: caller.workspaceId,
        target: denial.path.slice(0, 512),
        outcome: 'deny',
        reason,
        status: denial.status,
        correlationId: denial.correlationId,
        clientAddress: denial.clientAddress,
        detail: {
          resource: denial.resource,
          ...(denial.provider === '' ? {} : { provider: denial.provider }),
          ...(denial.requiredPermission === '' ? {} : { required_permission: denial.requiredPermission }),
          ...(denial.limitCode === '' ? {} : { limit_code: denial.limitCode }),
          ...denial.span,
          ...more,
        },
      }),
    ])
  }
}

/** The contract's words for why a request was turned away. */
function reasonOf(code: GatewayErrorCode): string {
  switch (code) {
    case 'not_authorized':
      return 'action_unmapped'
    case 'keys_unavailable':
      return 'verification_unavailable'
    case 'limits_unavailable':
      return 'usage_limit_check_unavailable'
    case 'rate_limit_exceeded':
    case 'token_limit_exceeded':
    case 'concurrency_limit_exceeded':
    case 'budget_exceeded':
      return 'usage_limit_exceeded'
    default:
      return code
  }
}

/** Whether an error refuses a caller that was not recognised. */
export function isUnrecognised(code: GatewayErrorCode): boolean {
  return WITHOUT_KEY.has(code)
}

const WITHOUT_KEY: ReadonlySet<GatewayErrorCode> = new Set([
  'host_not_allowed',
  'origin_not_allowed',
  'missing_gateway_key',
  'invalid_gateway_key',
  'auth_disabled',
])

/** Whether an error denies access, so that it is audited. */
export function isDenial(code: GatewayErrorCode): boolean {
  return DENIALS.has(code)
}

const DENIALS: ReadonlySet<GatewayErrorCode> = new Set([
  ...WITHOUT_KEY,
  'permission_denied',
  'not_authorized',
  'missing_provider_credential',
  'not_allowed_for_key',
  'keys_unavailable',
  'rate_limit_exceeded',
  'token_limit_exceeded',
  'concurrency_limit_exceeded',
  'budget_exceeded',
  'limits_unavailable',
])
