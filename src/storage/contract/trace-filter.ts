/** Conditions on traces, all of which must hold; absent ones do not matter. Times are epoch microseconds, inclusive. */
export interface TraceFilter {
  readonly provider?: string
  readonly model?: string
  readonly traceGroupId?: string
  readonly threadId?: string
  readonly runId?: string
  readonly apiKeyHash?: string
  readonly gatewayKeyId?: string
  readonly sessionId?: string
  readonly endUser?: string
  readonly client?: string
  /** Tags that must all be there, with these values. */
  readonly tags?: Readonly<Record<string, string>>
  readonly status?: number
  readonly minTokens?: number
  readonly maxTokens?: number
  readonly fromUs?: number
  readonly toUs?: number
}

/** A range of starts of exchanges, in epoch microseconds, inclusive. */
export interface TimeRange {
  readonly fromUs?: number
  readonly toUs?: number
}
