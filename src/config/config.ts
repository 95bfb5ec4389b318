import type { LogStyle } from '../log.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import type { TelemetrySettings } from '../telemetry/settings.ts'
import type { KeyRules } from '../access/key-rules.ts'
import type { KeyScope } from '../access/key-scope.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { FiledTable } from '../usage/price-table.ts'
import type { UnitPriceName } from '../usage/unit-pricing.ts'

/** Wire dialects of providers. They decide how refusals are written. */
export type Dialect = 'openai' | 'anthropic' | 'gemini' | 'mistral' | 'cohere' | 'ollama' | 'azure'

/** How long each phase of an exchange may take, in milliseconds; 0 means no limit. */
export interface Timeouts {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly idleMs: number
  readonly totalMs: number
}

/** How an upstream is reached. Texts are empty if not configured. */
export interface Connection {
  /** URL of an HTTP proxy, which may hold a user and a password. */
  readonly proxy: string
  /** Certificates of the trusted authorities, instead of the public ones, in PEM. */
  readonly ca: string
  /** The client certificate and its key, in PEM. */
  readonly certificate: string
  readonly key: string
}

/** Changes to the fields of requests to one upstream. Names are lower-case. */
export interface FieldChanges {
  readonly set: readonly (readonly [name: string, value: string])[]
  readonly remove: readonly string[]
}

/** One upstream API as configured. `prefix` is normalised, `upstream` parses as a URL. */
export interface ProviderConfig {
  readonly name: string
  readonly upstream: string
  readonly prefix: string
  readonly api: Dialect
  readonly credentialHeader: string
  readonly timeouts: Timeouts
  readonly connection: Connection
  readonly headers: FieldChanges
}

/** USD per million tokens. Negative if not set. */
export interface Rates {
  readonly input: number
  readonly cacheRead: number
  readonly cacheReadAudio: number
  readonly cacheReadImage: number
  readonly cacheWrite: number
  readonly cacheWrite30m: number
  readonly cacheWrite1h: number
  readonly cacheWrite12h: number
  readonly inputAudio: number
  readonly inputImage: number
  readonly inputVideo: number
  readonly output: number
  readonly reasoning: number
  readonly outputAudio: number
  readonly outputImage: number
}

/** Prices of units other than tokens, in USD. Negative if not set. */
export type UnitPrices = Readonly<Record<UnitPriceName, number>>

/** Rates for requests with more input tokens than `above`. */
export interface RateBracket extends Rates {
  readonly above: number
}

/** Service tiers that an own price may name. */
export type OwnTierName = 'batch' | 'flex' | 'priority' | 'fast'

/** An own price of a service tier: a factor on the other rates (negative for none), or rates. */
export interface TierRates extends Rates {
  readonly name: OwnTierName
  readonly factor: number
}

/** A price that the operator sets. `model` may end in `*`. `from` and `to` are `YYYY-MM-DD` or empty, both inclusive. */
export interface PriceOverride extends Rates {
  readonly provider: string
  /** Tenant it applies to. Empty for all. */
  readonly orgId: string
  readonly workspaceId: string
  /** Id of the gateway key it applies to. Empty for all. */
  readonly keyId: string
  readonly model: string
  readonly from: string
  readonly to: string
  readonly free: boolean
  /** Share taken off the list prices. Negative for a surcharge. */
  readonly discount: number
  readonly brackets: readonly RateBracket[]
  readonly units: UnitPrices
  readonly tiers: readonly TierRates[]
}

/** What the recorder must know to price an exchange. */
export interface PricingConfig {
  readonly unknownModel: 'allow' | 'assume' | 'block'
  readonly assumed: Rates
  readonly overrides: readonly PriceOverride[]
  /** The operator's own list. */
  readonly list?: FiledTable
}

/** The same, and where its list comes from. */
export interface PricingSettings extends PricingConfig {
  /** Path of the operator's own list; empty for none. */
  readonly file: string
  /** Whether `prices update` may fetch a list. */
  readonly allowUpdate: boolean
}

/** Where traces are kept. */
export type StorageConfig =
  | { readonly driver: 'sqlite'; readonly path: string }
  | {
      readonly driver: 'postgres'
      readonly dsn: string
      readonly maxConnections: number
      readonly queryTimeoutMs: number
    }

/** Retention limits of one class. 0 means none. */
export interface ClassRetention {
  readonly maxAgeDays: number
  readonly maxBytes: number
}

/** What is deleted by itself. */
export interface RetentionConfig {
  readonly bodies: ClassRetention
  readonly traces: ClassRetention
  readonly rollups: { readonly maxAgeDays: number }
  readonly audit: { readonly maxAgeDays: number }
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

/** A receiver of budget warnings. */
export interface WebhookConfig {
  readonly url: string
  /** Empty for messages without a signature. */
  readonly secret: string
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
  readonly tracing: {
    readonly captureBodies: boolean
    readonly bodyMaxSize: number
    readonly queueMaxBytes: number
    readonly flushIntervalMs: number
    /** Whether the gateway requests usage for a stream that would not report it. */
    readonly streamUsage: 'leave' | 'inject'
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
