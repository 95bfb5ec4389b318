import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { KeyRules } from './key-rules.ts'
import type { KeyScope } from './key-scope.ts'

/** Where a request for a provider may carry its gateway key. At least one is true. */
export interface KeyPlaces {
  /** The gateway's own field. */
  readonly header: boolean
  /** Where SDKs put the provider's key. */
  readonly providerField: boolean
}

/** A gateway key from the file. Empty texts mean: not given. */
export interface GatewayKeyConfig {
  readonly id: string
  readonly token: string
  readonly orgId: string
  readonly workspaceId: string
  readonly team: string
  readonly name: string
  readonly description: string
  readonly createdBy: string
  readonly role: string
  readonly scope: KeyScope
  readonly permissions: readonly string[]
  readonly rules: KeyRules
  /** Epoch microseconds; null for never. */
  readonly expiresAtUs: number | null
  readonly limits: readonly LimitPolicy[]
}
