import type { CostStatus, ReceiptLine } from '../usage/cost.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { MatchedName } from '../usage/model-rates.ts'
import type { Units, Usage } from '../usage/usage.ts'
import type { Attribution } from './attribution.ts'
import type { Outcome } from './exchange.ts'
import type { ModelCall } from './model-call.ts'
import type { StoredBill } from './stored-bills.ts'

/** Where usage comes from: the answer itself, or an estimate. `none` when nothing was to be counted. */
export type UsageSource = 'reported' | 'injected' | 'estimated' | 'none'

/** The parts of a trace that are read only when it is looked at alone. Names are those of the JSON contract. */
export interface TraceDetail {
  /** Disjoint counts, and the provider's own usage object. */
  readonly usage: {
    readonly buckets: Usage
    /** What is billed in other units than tokens. */
    readonly units?: Units
    /** Parts of input and output as reported, by modality; they may overlap with cached ones. Only what is not 0. */
    readonly parts?: {
      readonly audio_input_tokens?: number
      readonly audio_output_tokens?: number
      readonly image_input_tokens?: number
      readonly image_output_tokens?: number
    }
    /** What the exchange called its model; absent when the answer gave `model` and the request `requested_model`. */
    readonly models?: ModelNames
    /** Every bill of an answer that has more than its own: responses of a session, other models, lines of a batch. */
    readonly bills?: readonly StoredBill[]
    readonly service_tier?: string
    readonly speed?: string
    readonly inference_geo?: string
    /** Where it ran, as the address says: `global`, a geography or a region; absent where it names none. */
    readonly place?: string
    /** Why the usage is an estimate; absent when it is as reported. */
    readonly estimated_because?: string
    readonly raw?: unknown
    readonly notes?: readonly string[]
  }
  readonly cost: TraceCost
  /** Costs that `reprice` has replaced, newest first. */
  readonly cost_history?: readonly (TraceCost & { readonly replaced_at: string })[]
  /** Microseconds since the start; a point that was never reached is absent. */
  readonly timing: {
    readonly received_us: number
    /** Not a point but a length: how long the request waited for room in a budget. Absent when it did not. */
    readonly limit_wait_us?: number
    readonly upstream_first_byte_us?: number
    readonly first_token_us?: number
    readonly completed_us: number
  }
  readonly upstream: { readonly url_host: string; readonly attempts: number }
  /** What is known of a prompt that was not, or not wholly, read from the provider's cache; absent on a hit. */
  readonly cache?: {
    /** The provider's own word or object for the reason, as it came. */
    readonly provider_says?: unknown
  }
}

/** The receipt of a trace, in the names of the JSON contract. */
export interface TraceCost {
  readonly status: CostStatus
  readonly total_usd: number | null
  /** Of an `included` cost only; null when unknown. */
  readonly list_price_usd?: number | null
  readonly price_list: string
  readonly lines: readonly ReceiptLine[]
  readonly matched?: MatchedName
  readonly note?: string
}

/** Who an exchange's cost counts for, in the ledger of what was spent. */
export interface TraceSpend {
  /** Names of the ledger's subjects: organization, workspace, key, and whatever budgets count apart. */
  readonly subjects: readonly string[]
  /** The life of the gateway's process that served it. */
  readonly instance: string
  /** What is charged when the cost stays unknown: what it was expected to be, whole nano-USD. */
  readonly assumedNanoUsd: number
  /** Something was reserved for it, which what it came to takes the place of. */
  readonly reserved: boolean
}

/**
 * One recorded exchange. Texts are empty and numbers 0 where there is nothing to say, unless a field says otherwise.
 * Times are epoch microseconds, money is whole nano-USD.
 */
export interface Trace extends Attribution {
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
  /** Our code of a refusal or failure. */
  readonly errorCode: string
  /** The provider's own code, or its words where it has none, when its answer tells of an error. */
  readonly providerError: string
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
  /** Of an `included` cost: what the usage comes to at list prices. Null when unknown, and of all other costs. */
  readonly listPriceNanoUsd: number | null
  readonly latencyMs: number
  /** Rounded up from microseconds; 0 for answers that were not streamed. */
  readonly timeToFirstTokenMs: number
  readonly timeToFirstTokenUs: number
  readonly finishReason: string
  readonly upstreamRequestId: string
  readonly correlationId: string
  /** Lower-case hexadecimal SHA-256 of the provider credential. */
  readonly apiKeyHash: string
  /** What was consumed, by the provider's id, where it may be fetched again and must count once; else empty. */
  readonly consumptionId: string
  /** This exchange fetched it: it counts only if no other trace has counted it. */
  readonly countedOnce: boolean
  readonly requestHeaders: Readonly<Record<string, readonly string[]>>
  readonly responseHeaders: Readonly<Record<string, readonly string[]>>
  /** Null unless captured. Bytes as decoded; not necessarily text. */
  readonly requestBody: Uint8Array | null
  readonly responseBody: Uint8Array | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly detail: TraceDetail
  /** Absent when it counts for nobody: imported traces, and what is read back. */
  readonly spend?: TraceSpend
  /** For the spans of an exchange that are exported; never stored. */
  readonly modelCall?: ModelCall
}
