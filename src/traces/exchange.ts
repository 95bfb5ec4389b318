import type { GatewayErrorCode } from '../errors.ts'
import type { DialectName } from '../providers/dialects/dialects.ts'
import type { TraceContext } from '../wire/trace-context.ts'
import type { ModelUsage } from '../usage/usage.ts'
import type { TraceSpend } from './trace.ts'

/** How an exchange ended, seen from the client. */
export type Outcome = 'completed' | 'client_aborted' | 'upstream_failed' | 'refused'

/** Who sent the request. Without gateway keys everybody is `default`/`default` without a key. */
export interface Caller {
  readonly organizationId: string
  readonly workspaceId: string
  /** Empty without a gateway key. */
  readonly keyId: string
  readonly team: string
  readonly role: string
}

/** One side's content as the recorder must know it. */
export interface ContentFacts {
  /** Lower-cased media type without parameters; empty when absent. */
  readonly mediaType: string
  /** Lower-cased content codings in the order they were applied; empty when absent. */
  readonly codings: string
}

/** The wire in use, enough to read a response without knowing the rest. */
export interface WireFacts {
  /** Name of the wire API; empty when the path is none that is metered. */
  readonly api: string
  readonly provider: string
}

/**
 * Why an attempt ended. `truncated` is a connection that was lost after the request was sent, or a response that was; `rejected` is the
 * caller's own fault.
 */
export type AttemptCause =
  | 'ok'
  | 'connect'
  | 'first_byte_timeout'
  | 'status_5xx'
  | 'overloaded'
  | 'rate'
  | 'quota'
  | 'auth'
  | 'truncated'
  | 'rejected'
  | 'client_aborted'
  | 'timeout'

/**
 * Why no other attempt followed one that failed: the content was too large to be held, the retry budget is used up, the time-out of the
 * exchange would strike, content had reached the client, the error is the caller's own, no attempt was left, or no target was.
 */
export type NotRetried =
  'body_not_held' | 'budget' | 'deadline' | 'content_started' | 'callers_error' | 'attempts' | 'no_target'

/** One request that was sent to one target. Offsets are microseconds from the start of the exchange. */
export interface Attempt {
  /** Name of the provider. */
  readonly provider: string
  readonly cause: AttemptCause
  /** The upstream's status; 0 when none came. */
  readonly status: number
  readonly startedUs: number
  /** When the response's fields came; -1 when none came. */
  readonly firstByteUs: number
  readonly endedUs: number
  /** Bytes of the request's content. */
  readonly sentBytes: number
  /** `provider/model`. Absent where the route is the provider's own and the request passed unchanged. */
  readonly target?: string
  /** The model that was put into the request. Absent when it was sent as asked. */
  readonly model?: string
  /** Name of the credential that the gateway put in. Absent when it was the caller's own. */
  readonly credential?: string
  readonly notRetried?: NotRetried
  /** What its own response said. Absent for the last attempt: the exchange has its response. */
  readonly failed?: FailedAttempt
}

/** The response of an attempt that another one followed. */
export interface FailedAttempt {
  /** Base URL of its upstream. */
  readonly upstreamUrl: string
  readonly dialect: DialectName
  /** Empty when there was none. */
  readonly upstreamRequestId: string
  /** The model that responded; empty when it is not known. */
  readonly model: string
  /** The usage that was reported before the failure. Empty when there was none. */
  readonly bills: readonly ModelUsage[]
}

/** What passed, as SHA-256 in lower-case hexadecimal: content without transfer framing, content codings kept. */
export interface Fidelity {
  /** From the client. */
  readonly request_sha256: string
  /** To the last attempt's target. */
  readonly sent_sha256: string
  /** From the last attempt's target; absent when it did not respond. */
  readonly response_sha256?: string
  /** To the client; absent when the target did not respond. */
  readonly relayed_sha256?: string
  /** A side was cut short, and hashed as far as it came. Absent otherwise. */
  readonly complete?: false
}

/**
 * Everything the serving thread knows of a finished exchange. Plain data: it crosses to the recorder thread as JSON.
 * Raw fields hold credentials; the recorder masks them before anything is written.
 */
export interface Exchange {
  /** 32 lower-case hexadecimal digits, time-ordered. */
  readonly id: string
  readonly correlationId: string
  /** Epoch microseconds. */
  readonly startedAtUs: number
  /** Offset from the start to the end of the exchange. */
  readonly completedUs: number
  /** Offset to the upstream's response fields; -1 when none came. */
  readonly upstreamFirstByteUs: number
  readonly caller: Caller
  readonly wire: WireFacts
  /** The provider's own credential field, lower-case; empty when it has none but the known ones. */
  readonly credentialField: string
  /** Credential in the query (`?key=`, `?api-key=`, …); empty for none. Like the fields, it is never written. */
  readonly queryKey: string
  /** The request's credential is a subscription's, as far as its shape tells. */
  readonly subscription: boolean
  /** The provider's dialect, by which its prices are found when neither URL nor name tell. */
  readonly dialect: DialectName
  /** Model that the path or the query names; empty for none. */
  readonly routeModel: string
  /** The model that the target was asked for, where that is another name than the client's; empty where it went as it came. */
  readonly targetModel: string
  /** The request was changed so that the stream reports its usage. */
  readonly injected: boolean
  /** Base URL of the upstream; empty for refusals before one was chosen. */
  readonly upstreamUrl: string
  /** In the order in which they were made; empty for what never reached an upstream. */
  readonly attempts: readonly Attempt[]
  readonly method: string
  /** As the client sent it, prefix included, without query. */
  readonly path: string
  readonly requestFields: Readonly<Record<string, string>>
  readonly responseFields: Readonly<Record<string, string | readonly string[]>>
  /** What the client got; 499 for a client that left before a status was sent; 101 for a WebSocket. */
  readonly status: number
  readonly outcome: Outcome
  /** Empty when nothing was refused or failed. */
  readonly errorCode: GatewayErrorCode | ''
  /** The request is known to cost nothing: a reading method or a call that is free by its nature. */
  readonly free: boolean
  /** Bytes of content that passed, as they were on the wire. */
  readonly requestBytes: number
  readonly responseBytes: number
  /** Chunks of a streamed response; 0 when it came whole. */
  readonly responseChunks: number
  readonly streaming: boolean
  readonly request: ContentFacts
  readonly response: ContentFacts
  /** The subjects that its cost counts for; null for exchanges that count for none. */
  readonly spend: TraceSpend | null
  /** Number of the reservation that waits for its cost; 0 when none does. */
  readonly ticket: number
  /** How long it waited for room in a budget. */
  readonly limitWaitUs: number
  /** Where the request differs from what the client sent: `model`, `path.model`, `form.model`. Absent when the model was sent as asked. */
  readonly mutated?: readonly string[]
  /** Absent while `tracing.fidelity` is off. */
  readonly fidelity?: Fidelity
  /** What was decided of its content on its way; absent when no policy looked at it. */
  readonly inspection?: InspectionRecord
  /** `/openai/*`: the provider's prefix. */
  readonly route: string
  /** Where it stands in a trace; absent while telemetry is off. */
  readonly span?: ExchangeSpan
}

/** The span of an exchange and its parts: offsets in microseconds at which they ended, 0 for parts there were not. */
export interface ExchangeSpan {
  readonly context: TraceContext
  readonly authenticatedUs: number
  readonly admittedUs: number
  readonly inspectedUs: number
  /** The request was sent to the upstream. */
  readonly sentUs: number
  /** The client span that the upstream got in its `traceparent`; empty when it got none. */
  readonly clientSpanId: string
}

/** What a policy decided of each side's content, in the names of the JSON contract. */
export interface InspectionRecord {
  request?: SideInspection
  response?: SideInspection
}

export interface SideInspection {
  readonly decision: 'passed' | 'redacted' | 'blocked' | 'denied'
  readonly counts: Readonly<Record<string, number>>
  /** Parts that could not be looked into. */
  readonly uninspectable?: number
  /** Why it was denied. */
  readonly reason?: string
}

/** Contents of the buffered path, as they were on the wire; a streamed side came in `observed` messages before. */
export interface Contents {
  readonly request: Uint8Array | undefined
  readonly response: Uint8Array | undefined
}

/** Streamed content of which copies are read. */
export interface ObservedContent {
  /** Of its exchange. */
  readonly id: string
  readonly side: 'request' | 'response'
  readonly wire: WireFacts
  readonly facts: ContentFacts
}

/** Takes copies of streamed content, after it was forwarded. It never delays or changes the stream. */
export interface ContentTap {
  /** Copies a chunk, unless copies are given up because the recorder is too far behind. @param atUs microseconds since the exchange began */
  take(chunk: Uint8Array, atUs: number): void
  /** The content has ended. */
  end(): void
}

/** One WebSocket message, copied after it was forwarded. */
export interface ObservedMessage {
  readonly kind: 'message'
  readonly id: string
  readonly side: 'request' | 'response'
  readonly wire: WireFacts
  readonly text: string
  readonly atUs: number
}

/** What an exchange came to. */
export interface PricedExchange {
  /** The number of the reservation that waits for it. */
  readonly ticket: number
  /** Whole nano-USD that are billed; null when unknown. */
  readonly costNanoUsd: number | null
  /** What a subscription pays, at list prices; null when unknown. */
  readonly includedNanoUsd: number | null
  /** Of both, what was not for input tokens. */
  readonly outputNanoUsd: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Its response came to its end. */
  readonly whole: boolean
}
