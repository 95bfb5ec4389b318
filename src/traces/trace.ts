import type { CostStatus, ReceiptLine } from '../usage/cost.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { MatchedName } from '../usage/model-rates.ts'
import type { Units, Usage } from '../usage/usage.ts'
import type { Attribution } from './attribution.ts'
import type { AttemptCause, Fidelity, NotRetried, Outcome } from './exchange.ts'
import type { ModelCall } from './model-call.ts'
import type { StoredBill } from './stored-bills.ts'

/** Where usage comes from: the response, or an estimate. `none` when there was nothing to count. */
export type UsageSource = 'reported' | 'injected' | 'estimated' | 'none'

/** The parts of a trace that only its detail view reads. Names are those of the JSON contract. */
export interface TraceDetail {
  /** Disjoint counts, and the provider's own usage object. */
  readonly usage: {
    readonly buckets: Usage
    /** Units other than tokens that are billed. */
    readonly units?: Units
    /** Parts of input and output as reported, by modality; they may overlap with cached ones. Only what is not 0. */
    readonly parts?: {
      readonly audio_input_tokens?: number
      readonly audio_output_tokens?: number
      readonly image_input_tokens?: number
      readonly image_output_tokens?: number
    }
    /** The exchange's names for its model. Absent when the response gave `model` and the request `requested_model`. */
    readonly models?: ModelNames
    /** Every bill of a response with several: responses of a session, other models, lines of a batch. */
    readonly bills?: readonly StoredBill[]
    readonly service_tier?: string
    readonly speed?: string
    readonly inference_geo?: string
    /** Where it ran, from the address: `global`, a geography or a region. Absent if it names none. */
    readonly place?: string
    /** Why the usage is an estimate; absent when it is as reported. */
    readonly estimated_because?: string
    readonly raw?: unknown
    readonly notes?: readonly string[]
  }
  readonly cost: TraceCost
  /** Costs that `reprice` has replaced, newest first. */
  readonly cost_history?: readonly (TraceCost & { readonly replaced_at: string })[]
  /** Microseconds since the start. Absent for a point that was never reached. */
  readonly timing: {
    readonly received_us: number
    /** A duration, not a point: how long the request waited for room in a budget. Absent if it did not wait. */
    readonly limit_wait_us?: number
    /** When the last attempt was sent. Traces of earlier versions have none. */
    readonly sent_us?: number
    readonly upstream_first_byte_us?: number
    readonly first_token_us?: number
    readonly completed_us: number
  }
  /** Of the last attempt. Traces of earlier versions have no `sent_bytes`. */
  readonly upstream: { readonly url_host: string; readonly attempts: number; readonly sent_bytes?: number }
  /**
   * Absent when there was no attempt, or one whose members all follow from the trace. Of a single attempt only those members that do not
   * follow. `attemptsOf` reads it.
   */
  readonly attempts?: readonly StoredAttempt[]
  /** Where the request was changed. Absent when it was not. */
  readonly mutated?: readonly string[]
  /** Absent while `tracing.fidelity` is off. */
  readonly fidelity?: Fidelity
  /** Why a prompt was not completely read from the provider's cache, as far as known. Absent on a hit. */
  readonly cache?: {
    /** The provider's own word or object for the reason, unchanged. */
    readonly provider_says?: unknown
  }
}

/** An attempt in the names of the JSON contract. */
export interface AttemptJson {
  /** `provider/model`; the provider alone where the request names no model. */
  readonly target: string
  readonly provider: string
  /** Null when the request names none. */
  readonly model: string | null
  /** Null when it was the caller's own. */
  readonly credential: string | null
  readonly cause: AttemptCause
  /** Null when none came. */
  readonly status: number | null
  /** Null in traces of earlier versions. */
  readonly started_us: number | null
  /** Null when no response began. */
  readonly first_byte_us: number | null
  readonly ended_us: number
  /** Null in traces of earlier versions. */
  readonly sent_bytes: number | null
  readonly usage: AttemptUsage
  /** Null when unknown. */
  readonly cost_usd: number | null
  readonly cost_status: CostStatus
  readonly upstream_request_id: string | null
  /** Why no other attempt followed. Absent when one did, and when it succeeded. */
  readonly not_retried?: NotRetried
}

/** Tokens of an attempt, in the names of a trace's own. */
export interface AttemptUsage {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly total_tokens: number
  readonly cache_read_input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly reasoning_tokens: number
}

/** An attempt as stored: whole when there were several. */
export type StoredAttempt = Partial<AttemptJson>

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

/** The subjects that an exchange's cost is charged to in the ledger. */
export interface TraceSpend {
  /** Names of the ledger's subjects: organization, workspace, key, and anything that budgets count separately. */
  readonly subjects: readonly string[]
  /** The gateway process that served it. */
  readonly instance: string
  /** The estimate that is charged if the cost stays unknown, whole nano-USD. */
  readonly assumedNanoUsd: number
  /** It has a reservation, which its real cost replaces. */
  readonly reserved: boolean
}

/**
 * One recorded exchange. Texts are empty and numbers 0 if unknown, unless a field says otherwise. Times are epoch
 * microseconds, money is whole nano-USD.
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
  /** Name of the wire API. Empty if the path is not metered. */
  readonly api: string
  /** The requested model. */
  readonly requestedModel: string
  /** The responding model, else the requested one, else `unknown`. */
  readonly model: string
  readonly requestMethod: string
  readonly requestPath: string
  readonly responseStatus: number
  readonly outcome: Outcome
  /** Our code of a refusal or failure. */
  readonly errorCode: string
  /** The provider's own error code, or its message if it has none, when its response reports an error. */
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
  /** Only for an `included` cost: the usage at list prices. Null when unknown, and for all other costs. */
  readonly listPriceNanoUsd: number | null
  readonly latencyMs: number
  /** Rounded up from microseconds. 0 for responses that were not streamed. */
  readonly timeToFirstTokenMs: number
  readonly timeToFirstTokenUs: number
  readonly finishReason: string
  readonly upstreamRequestId: string
  readonly correlationId: string
  /** Lower-case hexadecimal SHA-256 of the provider credential. */
  readonly apiKeyHash: string
  /** Number of requests that were sent to targets. */
  readonly attempts: number
  /** `provider/model` of the last attempt; the provider alone where the request names no model. Empty without an attempt. */
  readonly target: string
  /** The provider's id of the consumption, if it may be fetched again and must count once. Otherwise empty. */
  readonly consumptionId: string
  /** This exchange fetched it again, so it counts only if no other trace has counted it. */
  readonly countedOnce: boolean
  readonly requestHeaders: Readonly<Record<string, readonly string[]>>
  readonly responseHeaders: Readonly<Record<string, readonly string[]>>
  /** Null unless captured. Bytes as decoded; not necessarily text. */
  readonly requestBody: Uint8Array | null
  readonly responseBody: Uint8Array | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly detail: TraceDetail
  /** Absent when nobody is charged: imported traces, and traces read from the store. */
  readonly spend?: TraceSpend
  /** For exported spans only. Never stored. */
  readonly modelCall?: ModelCall
}
