import type { GatewayKeyConfig, KeyPlaces } from '../access/settings.ts'
import type { WebhookConfig } from '../limits/alerts/webhooks.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { LogStyle } from '../log.ts'
import type { ProviderConfig } from '../providers/settings.ts'
import type { ModelConfig, RoutingConfig } from '../proxy/targets/settings.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import type { RetentionConfig, StorageConfig } from '../storage/settings.ts'
import type { TelemetrySettings } from '../telemetry/settings.ts'
import type { PricingConfig } from '../usage/settings.ts'

/** The same, and where its list comes from. */
export interface PricingSettings extends PricingConfig {
  /** Path of the operator's own list; empty for none. */
  readonly file: string
  /** Whether `prices update` may fetch a list. */
  readonly allowUpdate: boolean
}

/** Rates and budgets. */
export interface LimitsConfig {
  readonly backend: 'memory' | 'redis' | 'postgres'
  readonly redisUrl: string
  /** Empty for the installation id of the store. */
  readonly redisNamespace: string
  readonly backendTimeoutMs: number
  readonly maxWaitMs: number
  readonly policies: readonly LimitPolicy[]
  readonly webhooks: readonly WebhookConfig[]
}

/** The settings as checked. Durations are milliseconds, sizes are bytes. */
export interface Config {
  readonly server: {
    readonly host: string
    readonly port: number
    readonly maxBodyBytes: number
    readonly maxHeldBytes: number
    readonly keepAliveMs: number
    readonly drainDelayMs: number
    readonly shutdownTimeoutMs: number
    /** Origins of pages beside the gateway's own, as browsers write them. */
    readonly corsOrigins: readonly string[]
    /** Further names of the gateway while keys are off, in lower case. */
    readonly allowedHosts: readonly string[]
    /** The public address. Empty for none. */
    readonly publicUrl: string
    /** Addresses and networks of proxies that report the client address. */
    readonly trustedProxies: readonly string[]
    readonly forwardCorrelationId: boolean
    /** Forwards a CDN's or proxy's fields about the client to providers. */
    readonly forwardClientFields: boolean
  }
  readonly storage: StorageConfig
  readonly retention: RetentionConfig
  /** Enabled providers only, in file order. */
  readonly providers: readonly ProviderConfig[]
  /** In file order; each name once. */
  readonly models: readonly ModelConfig[]
  readonly routing: RoutingConfig
  readonly tracing: {
    readonly captureBodies: boolean
    readonly bodyMaxSize: number
    readonly queueMaxBytes: number
    readonly flushIntervalMs: number
    /** Whether the gateway requests usage for a stream that would not report it. */
    readonly streamUsage: 'leave' | 'inject'
    /** Hashes of contents in traces. */
    readonly fidelity: 'on' | 'off'
    readonly journal: { readonly path: string; readonly maxBytes: number }
  }
  readonly pricing: PricingSettings
  readonly telemetry: TelemetrySettings
  readonly log: LogStyle
  readonly prometheus: {
    readonly enabled: boolean
    readonly path: string
    /** `host:port` of a separate listener. Empty for the main one. */
    readonly adminAddress: string
    /** Empty for none. */
    readonly token: string
  }
  readonly pii: {
    /** `hashKey` is empty when none is configured. */
    readonly redaction: RedactionSettings
    /** Lower-case names of header fields that are always masked in storage. */
    readonly maskedRequestFields: readonly string[]
    readonly maskedResponseFields: readonly string[]
  }
  readonly auth: {
    readonly enabled: boolean
    /** Lower-case field name. */
    readonly header: string
    /** Where provider routes look for the gateway key, beside `/api`, which reads the header only. */
    readonly acceptIn: KeyPlaces
    /** Empty when none is configured. */
    readonly pepper: string
    /** Peppers that older hashes were made with. */
    readonly previousPeppers: readonly string[]
    readonly allowWeakTokens: boolean
    /** How long stored keys stay valid while the store does not respond. 0 for without limit. */
    readonly maxStalenessMs: number
    readonly keys: readonly GatewayKeyConfig[]
  }
  readonly limits: LimitsConfig
}
