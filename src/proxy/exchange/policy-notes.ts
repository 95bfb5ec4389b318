import type { InspectionRecord } from '../../traces/exchange.ts'

/** What a content policy did, for the record and the audit trail; filled in during the exchange. */
export interface PolicyNotes {
  /** The request was changed so that the stream reports its usage. */
  readonly injected?: boolean
  /** The decision on each side's content, and its policy. */
  readonly inspection?: {
    readonly record: InspectionRecord
    readonly mode: string
    readonly policyId: string
  }
}
