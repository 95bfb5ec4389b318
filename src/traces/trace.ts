import type { CostStatus, ReceiptLine } from '../usage/cost.ts'
import type { Usage } from '../usage/usage.ts'
import type { Outcome } from './exchange.ts'

/** Where usage comes from: the answer itself, or an estimate. `none` when nothing was to be counted. */
export type UsageSource = 'reported' | 'injected' | 'estimated' | 'none'

/** The parts of a trace that are read only when it is looked at alone. Names are those of the JSON contract. */
export interface TraceDetail {
  /** Disjoint counts, and the provider's own usage object. */
  readonly usage: { readonly buckets: Usage; readonly raw?: unknown; readonly notes?: readonly string[] }
  readonly cost: {
    readonly status: CostStatus
    readonly total_usd: number | null
    readonly price_list: string
    readonly lines: readonly ReceiptLine[]
    readonly note?: string
  }
  /** Microseconds since the start; a point that was never reached is absent. */
  readonly timing: {
    readonly received_us: number
    readonly upstream_first_byte_us?: number
    readonly first_token_us?: number
    readonly completed_us: number
  }
  readonly upstream: { readonly url_host: string; readonly attempts: number }
}

/**
 * One recorded exchange. Texts are empty and numbers 0 where there is nothing to say, unless a field says otherwise.
 * Times are epoch microseconds, money is whole nano-USD.
 */
export interface Trace {
  readonly id: string
  readonly traceGroupId: string
  readonly threadId: string
  readonly runId: string
  readonly organizationId: string
  readonly workspaceId: string
  readonly gatewayKeyId: string
  /** Start of the exchange. */
  readonly startedAtUs: number
  /** End of the exchange; lists are ordered by it. */
  readonly createdAtUs: number
  readonly provider: string
  /** Name of the wire API; empty when the path is none that is metered. */
  readonly api: string
  /** The model asked for. */
  readonly requestedModel: string
  /** The model that answered, else the one asked for, else `unknown`. */
  readonly model: string
  readonly requestMethod: string
  readonly requestPath: string
  readonly responseStatus: number
  readonly outcome: Outcome
  readonly errorCode: string
  readonly streaming: boolean
  readonly inputTokens: number
  readonly outputTokens: number
  readonly totalTokens: number
  readonly cacheReadInputTokens: number
  readonly cacheCreationInputTokens: number
  readonly reasoningTokens: number
  readonly usageSource: UsageSource
  readonly costStatus: CostStatus
  /** Null when the cost is unknown. */
  readonly costNanoUsd: number | null
  readonly latencyMs: number
  /** Rounded up from microseconds; 0 for answers that were not streamed. */
  readonly timeToFirstTokenMs: number
  readonly timeToFirstTokenUs: number
  readonly finishReason: string
  readonly upstreamRequestId: string
  readonly correlationId: string
  /** Lower-case hexadecimal SHA-256 of the provider credential. */
  readonly apiKeyHash: string
  readonly requestHeaders: Readonly<Record<string, readonly string[]>>
  readonly responseHeaders: Readonly<Record<string, readonly string[]>>
  /** Null unless captured. Bytes as decoded; not necessarily text. */
  readonly requestBody: Uint8Array | null
  readonly responseBody: Uint8Array | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly detail: TraceDetail
}
