import type { KeyList, KeyUse } from '../access/key-store.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import type { RetentionConfig, StorageConfig } from '../storage/settings.ts'
import type { RecorderTotals } from '../telemetry/recorder-totals.ts'
import type { TelemetrySettings } from '../telemetry/settings.ts'
import type { Vitals } from '../telemetry/vitals.ts'
import type { ObservedContent, ObservedMessage } from '../traces/exchange.ts'
import type { PricingConfig } from '../usage/settings.ts'
import type { ReplayedCount } from './tenant-pipelines.ts'

/** Messages of the serving thread to the recorder thread. */
export type RecorderRequest =
  | ObservedBatch
  | ObservedMessage
  | ExchangeBatch
  /** Exchanges that the queue refused: they will not come, so what was read of their content is forgotten. */
  | { readonly kind: 'refused'; readonly ids: readonly string[] }
  | { readonly kind: 'configure'; readonly settings: RecorderSettings }
  | { readonly kind: 'audit'; readonly events: readonly AuditEvent[] }
  /** Gateway keys that were used. */
  | { readonly kind: 'used'; readonly keys: readonly KeyUse[] }
  /** How the serving thread is, for metrics. */
  | { readonly kind: 'vitals'; readonly vitals: Vitals }
  /** Prometheus scrapes. */
  | { readonly kind: 'scrape'; readonly id: number; readonly openMetrics: boolean }
  | { readonly kind: 'stop' }
  /** While it stops: it must not wait for anything any more. */
  | { readonly kind: 'flush' }

/** Messages of the recorder thread to the serving thread. */
export type RecorderReply =
  /** The store is open. `keys` are those of the store; absent when they are not wanted, or could not be read. */
  | { readonly kind: 'ready'; readonly totals: RecorderTotals; readonly keys?: KeyList }
  | { readonly kind: 'failed'; readonly message: string }
  /** These exchanges are in the store, in the journal, in quarantine, or counted as dropped. */
  | SettledBatch
  /** Records of the journal are in the store now. */
  | { readonly kind: 'replayed'; readonly counts: readonly ReplayedCount[] }
  /** Costs of exchanges whose reservations wait for them. */
  | ({ readonly kind: 'priced' } & PricedBatch)
  /** The store responds. `list` holds its keys if they have changed. */
  | { readonly kind: 'keys'; readonly list: KeyList | undefined }
  /** The fields of lines of the log, one for each request that is complete: JSON objects. */
  | { readonly kind: 'completed'; readonly lines: readonly string[]; readonly leftOut: number }
  /** The metrics for a scrape; without a text when there are none. */
  | {
      readonly kind: 'scraped'
      readonly id: number
      readonly text: string | undefined
      readonly mediaType: string
    }
  /** Bytes of observed content that have been read. */
  | { readonly kind: 'looked'; readonly bytes: number }
  | {
      readonly kind: 'log'
      readonly level: 'INFO' | 'WARN' | 'ERROR'
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
  /** It is stopping, and at work. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'stopped'; readonly totals: RecorderTotals }

/** Settings of the recorder. All but storage and journal may change while it runs. */
export interface RecorderSettings {
  readonly storage: StorageConfig
  readonly retention: RetentionConfig
  readonly journalPath: string
  readonly journalMaxBytes: number
  readonly queueMaxBytes: number
  readonly flushIntervalMs: number
  readonly captureBodies: boolean
  readonly bodyMaxSize: number
  readonly redaction: RedactionSettings
  readonly telemetry: TelemetrySettings
  readonly maskedRequestFields: readonly string[]
  readonly maskedResponseFields: readonly string[]
  /** Credentials that the gateway puts into requests. */
  readonly setCredentials: readonly string[]
  readonly pricing: PricingConfig
  /** The keys of the store are wanted, as they change. */
  readonly watchKeys: boolean
}

/** Streamed content that begins. */
export interface BegunContent extends ObservedContent {
  /** By which its chunks name it. */
  readonly number: number
}

/** Chunks of streamed content of any number of exchanges, in the order in which they came. */
export interface ObservedBatch {
  readonly kind: 'observed'
  /** Contents of which these are the first chunks. */
  readonly begun: readonly BegunContent[]
  /** The chunks, one behind the other. */
  readonly bytes: Uint8Array
  /** Three for each chunk: the number of its content, its length, and microseconds since its exchange began. */
  readonly chunks: Float64Array
}

/**
 * Finished exchanges, several at a time. They cross as one text, and their contents as one block of bytes: that costs
 * a quarter of cloning the objects.
 */
export interface ExchangeBatch {
  readonly kind: 'exchanges'
  /**
   * Lines of JSON. The first is an array: per exchange, the length of its request content and of its response content;
   * -1 for none. Each other line is an array of exchanges.
   */
  readonly text: string
  readonly contents: Uint8Array
}

/** Exchanges whose fate is known, several at a time: a text, because cloning a list and an object costs more. */
export interface SettledBatch {
  readonly kind: 'settled'
  /** JSON of `Settled`. */
  readonly text: string
}

/** Exchanges that have been priced, several at a time: flat, because cloning objects would cost the most. */
export interface PricedBatch {
  /** Seven for each: the members of `PricedExchange` in their order; money that is not known is -1. */
  readonly amounts: Float64Array
}
