/** A target with one of its credentials, as `GET /api/targets` shows it. */
export interface TargetItem {
  /** `provider/model`. */
  readonly target: string
  readonly provider: string
  readonly model: string | null
  /** Null for the callers' own. */
  readonly credential: string | null
  readonly state: 'available' | 'cooling' | 'open' | 'half_open' | 'unavailable'
  /** RFC 3339; null when the state does not change by itself. */
  readonly until: string | null
  /** Null before the first failure. */
  readonly last_cause: string | null
  /** Of the reader's own traffic, since the gateway started. */
  readonly attempts: number
  readonly failures: number
  /** Median of the last times; null before the first response. */
  readonly first_byte_p50_ms: number | null
}
