import type { CustomSettings } from './detectors/custom.ts'

/** The settings of redaction, as they cross between threads. */
export interface RedactionSettings {
  /** Names of modes (`modes.ts`). */
  readonly mode: string
  readonly policyId: string
  /** Whether the bodies of a side are inspected. */
  readonly requestBody: boolean
  readonly responseBody: boolean
  /** Names of detectors that are on. */
  readonly detectors: readonly string[]
  readonly custom: readonly CustomSettings[]
  /** Names of members whose values are replaced whole. */
  readonly deniedNames: readonly string[]
  /** Places of values that are replaced whole: `messages[*].content`. */
  readonly deniedPaths: readonly string[]
  /** With `{type}` and `{hash}`. */
  readonly format: string
  /** The original's salt: when it is set, placeholders are as the original's. */
  readonly hashSalt: string
  /** Keys the hashes of placeholders when there is no salt; empty makes them random. */
  readonly hashKey: string
  /** Placeholders in requests are put back in responses. */
  readonly reversible: boolean
  /** Whether content that cannot be inspected may pass. */
  readonly uninspectable: 'allow' | 'deny'
  /** Largest request or response that is inspected on its way. */
  readonly maxInspectBytes: number
  readonly scopes: readonly RedactionScope[]
}

/** A part of the traffic with a mode of its own. An empty selector matches anything; an empty mode or policy is inherited. */
export interface RedactionScope {
  readonly organizationId: string
  readonly workspaceId: string
  readonly keyId: string
  readonly provider: string
  readonly routePrefix: string
  readonly mode: string
  readonly policyId: string
}
