import type { KeyAdministration } from '../access/key-administration.ts'
import type { ReadScope, Tenant } from '../access/key-store.ts'
import type { Identity } from '../access/keyring.ts'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { PipelineDiagnostics } from '../background/diagnostics.ts'
import type { BudgetChange } from '../limits/budget-changes.ts'
import type { LimitEngine } from '../limits/limit-engine.ts'
import type { CallerLimits } from '../limits/policies/caller-limits.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { TargetItem } from '../presentation/target-item.ts'
import type { AuditTrailStore } from '../storage/contract/audit-trail.ts'
import type { TraceReader } from '../storage/contract/traces.ts'
import type { Caller } from '../traces/exchange.ts'
import type { QueryParameters } from './query-parameters.ts'

/** What the management API reads and changes. */
export interface ApiContext {
  readonly version: string
  readonly startedAt: number
  readonly storageDriver: string
  /** Reader of a scope, or of everything without one. */
  readerFor(scope: ReadScope | undefined): TraceReader
  /** Stored traces of all tenants, and the store's size in bytes (0 when it is not known). */
  extent(): Promise<{ readonly traces: number; readonly bytes: number }>
  diagnostics(): PipelineDiagnostics
  /** The part about some tenants. */
  tenantDiagnostics(isShown: (tenant: Tenant) => boolean): PipelineDiagnostics
  readonly keys: KeyAdministration
  /** Applies keys that were changed here. */
  keysChanged(): Promise<void>
  readonly audit: AuditTrail
  readonly auditEvents: AuditTrailStore['list']
  readonly limits: Pick<LimitEngine, 'standings' | 'totals' | 'limitsOf' | 'read'>
  /** Policies of the configuration. */
  readonly policies: () => readonly LimitPolicy[]
  /** Stores a change of a budget and applies it. */
  readonly changeBudget: (change: BudgetChange) => Promise<void>
  /** A key of a scope that is valid now: the one of an id, or any when absent. */
  keyOf(scope: ReadScope, keyId?: string): Identity | undefined
  readonly limitsOf: (identity: Identity | undefined) => CallerLimits
  /** Every target and its state; counts of the traffic of some tenants. */
  targets(isShown: (tenant: Tenant) => boolean): readonly TargetItem[]
  /** The gateway is stopping, or will in a moment. */
  leaving(): boolean
}

/** A request of the management API, as its handler needs it. */
export interface ApiRequest {
  readonly query: QueryParameters
  /** Values of the route's `:name` segments, percent-decoded. */
  readonly parameters: Readonly<Record<string, string>>
  /** `undefined` while gateway keys are off. */
  readonly caller: Caller | undefined
  /** As `caller`, with its key's rights. */
  readonly identity: Identity | undefined
  readonly correlationId: string
  /** Address of the client, without port. */
  readonly clientAddress: string
  /** The content as it comes; null for none. Handlers bound how much they read. */
  readonly body: ReadableStream<Uint8Array> | null
}

/** Serves one route. Throws GatewayError for mistakes of the caller. */
export type ApiHandler = (request: ApiRequest, context: ApiContext) => Response | Promise<Response>
