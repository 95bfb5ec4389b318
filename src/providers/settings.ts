import type { CredentialSettings } from '../credentials/settings.ts'
import type { DialectName } from './dialects/dialects.ts'

/** One upstream API as configured. `prefix` is normalised, `upstream` parses as a URL. */
export interface ProviderConfig {
  readonly name: string
  readonly upstream: string
  readonly prefix: string
  readonly api: DialectName
  readonly credentialHeader: string
  /** Absent when callers bring their own. */
  readonly credentials?: CredentialSettings
  readonly timeouts: Timeouts
  readonly connection: Connection
  readonly headers: FieldChanges
  /** Where it keeps and processes data; empty when it is not known. */
  readonly region: string
  /** It keeps nothing of requests and responses. */
  readonly zeroRetention: boolean
  /** Further responses after which a request is sent again. */
  readonly retryOn: readonly RetryRule[]
}

/** A response that counts as a cause of its own. */
export interface RetryRule {
  readonly status: number
  /** Text in the content; empty for any. */
  readonly bodyContains: string
  readonly as: RetryCause
}

/** The causes that a provider's responses may be taken for. */
export const RETRY_CAUSES = ['status_5xx', 'overloaded', 'rate', 'quota', 'auth'] as const

export type RetryCause = (typeof RETRY_CAUSES)[number]

/** How long each phase of an exchange may take, in milliseconds; 0 means no limit. */
export interface Timeouts {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly idleMs: number
  readonly totalMs: number
}

/** How an upstream is reached. Texts are empty for what is not configured. */
export interface Connection {
  /** URL of an HTTP proxy, which may hold a user and a password. */
  readonly proxy: string
  /** Certificates of the authorities that are trusted instead of the public ones, in PEM. */
  readonly ca: string
  /** The client certificate and its key, in PEM. */
  readonly certificate: string
  readonly key: string
}

/** What is done to the fields of requests to one upstream. Names are lower-case. */
export interface FieldChanges {
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly remove: readonly string[]
}
