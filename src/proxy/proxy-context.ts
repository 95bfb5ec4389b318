import type { Identity, Keyring } from '../access/keyring.ts'
import type { Network } from '../access/networks.ts'
import type { KeyPlaces } from '../access/settings.ts'
import type { BrowserPolicy } from '../http/browser-policy.ts'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { Inspector } from '../inspection/inspector.ts'
import type { TokenRates } from '../limits/admission/bounds.ts'
import type { LimitEngine } from '../limits/limit-engine.ts'
import type { CallerLimits } from '../limits/policies/caller-limits.ts'
import type { ShownPaths } from '../redaction/shown-paths.ts'
import type { Contents, ContentTap, Exchange, ObservedContent, ObservedMessage } from '../traces/exchange.ts'
import type { TraceContext } from '../wire/trace-context.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { ExchangeFacts } from './exchange/exchange-facts.ts'
import type { HeldContent } from './exchange/held-content.ts'
import type { OpenExchange } from './exchange/open-exchange.ts'
import type { PolicySettings } from './policies/choose-policies.ts'
import type { RouteTable } from './steps/route.ts'
import type { TargetTraffic } from './targets/target-traffic.ts'
import type { TargetChooser } from './targets/chooser.ts'
import type { RoutingConfig } from './targets/settings.ts'
import type { ModelDirectory } from './targets/model-directory.ts'
import type { ModelCatalog } from './model-list/model-catalog.ts'
import type { Deadlines } from './upstream/deadlines.ts'

/** What may change while the gateway runs; replaced as a whole, so an exchange sees one state. */
export interface ProxySettings {
  readonly upstreams: RouteTable
  /** The names of models, and their targets. */
  readonly models: ModelDirectory
  readonly routing: RoutingConfig
  /** Contents are hashed as they pass. */
  readonly hashContents: boolean
  /** What price lists say about models; megabytes that are loaded when it is first asked. */
  readonly catalog: () => Promise<ModelCatalog>
  readonly browsers: BrowserPolicy
  /** `undefined` while gateway keys are off. */
  readonly keyring: Keyring | undefined
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  /** Where the gateway key may stand. */
  readonly gatewayKeyPlaces: KeyPlaces
  /** Largest request content in bytes; 0 for no limit. */
  readonly maxBodyBytes: number
  /** Request content that may be held over all requests, in bytes. */
  readonly maxHeldBytes: number
  readonly forwardCorrelationId: boolean
  /** Requests to upstreams carry the trace. */
  readonly propagateTrace: boolean
  readonly inspection: PolicySettings
  /** Looks for personal data on its way; absent while no policy wants that. */
  readonly inspector?: Inspector
  /** Paths as logs and the audit trail may show them. */
  readonly paths: ShownPaths
  /** Proxies that are trusted to name the client's address. */
  readonly trustedProxies: readonly Network[]
  /** The limits of a caller; those of every caller for `undefined`, while gateway keys are off. */
  readonly limitsOf: (identity: Identity | undefined) => CallerLimits
  /** Nano-USD per token of a model at a time (epoch milliseconds); absent while no budget needs prices. */
  readonly ratesOf:
    | ((
        exchange: Pick<ExchangeFacts, 'caller' | 'wire' | 'target'>,
        names: ModelNames,
        nowMs: number,
      ) => TokenRates | 'unknown')
    | undefined
}

/** Where finished exchanges and copies of content go. No call waits. */
export interface ExchangeSink {
  record(exchange: Exchange, contents: Contents): void
  /** Begins to copy streamed content. */
  observe(content: ObservedContent): ContentTap
  /** Shows a message of a WebSocket. @returns false when messages are not wanted now */
  observeMessage(message: ObservedMessage): boolean
}

/** What an exchange needs of the gateway around it. */
export interface ProxyContext {
  readonly settings: ProxySettings
  readonly sink: ExchangeSink
  readonly deadlines: Deadlines
  readonly chooser: TargetChooser
  readonly held: HeldContent
  /** How long the listener keeps a silent connection between exchanges. */
  readonly keepAliveSeconds: number
  readonly limits: LimitEngine
  /** Begins the spans of exchanges; absent while telemetry is off. */
  readonly traces?: { begin(fields: Readonly<Record<string, string>>): TraceContext }
  readonly audit: Pick<AuditTrail, 'denied' | 'record'>
  /** A key of the store was used. */
  readonly keyUsed: (identity: Identity) => void
  readonly targetTraffic: TargetTraffic
  /** Running exchanges: draining waits for them. */
  readonly open: Set<OpenExchange>
  /** `Via` entry of this process, by which it recognises a request that it has already forwarded. */
  readonly via: string
  /** The gateway is stopping and takes no new exchange. */
  draining: boolean
  readonly log: (level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Record<string, unknown>) => void
}
