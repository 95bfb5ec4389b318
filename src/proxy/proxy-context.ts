import type { Keyring } from '../access/keyring.ts'
import type { Contents, Exchange, Observed, ObservedMessage } from '../traces/exchange.ts'
import type { Deadlines } from './deadlines.ts'
import type { Inspection } from './inspect.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { UpstreamTable } from './upstream.ts'

/** What may change while the gateway runs; replaced as a whole, so an exchange sees one state. */
export interface ProxySettings {
  readonly upstreams: UpstreamTable
  /** `undefined` while gateway keys are off. */
  readonly keyring: Keyring | undefined
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  /** Largest request content in bytes; 0 for no limit. */
  readonly maxBodyBytes: number
  readonly forwardCorrelationId: boolean
  readonly inspection: Inspection
}

/** Where finished exchanges and copies of content go. Neither call waits. */
export interface ExchangeSink {
  record(exchange: Exchange, contents: Contents): void
  observe(piece: Observed | ObservedMessage): boolean
}

/** What an exchange needs of the gateway around it. */
export interface ProxyContext {
  settings: ProxySettings
  readonly sink: ExchangeSink
  readonly deadlines: Deadlines
  /** Exchanges under way: what draining waits for. */
  readonly open: Set<OpenExchange>
  /** `Via` entry of this process, by which it recognises a request that it has already forwarded. */
  readonly via: string
  /** The gateway is stopping and takes no new exchange. */
  draining: boolean
  readonly log: (level: 'INFO' | 'WARN' | 'ERROR', message: string, fields: Record<string, unknown>) => void
}
