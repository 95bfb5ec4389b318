import type { Tenant } from '../../access/key-store.ts'
import type { Adjustment, AdjustmentChange } from '../../limits/policies/adjustments.ts'

/** Records of limits besides the ledger. */
export interface LimitRecords {
  /** Operators' changes to budgets, the latest first. Beyond a bound the oldest are left out. */
  adjustments(): Promise<readonly Adjustment[]>
  /** Changes a policy's budget for one subject of the ledger. Fields the change leaves out stay. */
  adjust(policy: string, counter: string, change: AdjustmentChange, nowMs: number): Promise<void>
  /** Averages since a day, by requests, most first. @param limit how many */
  averages(sinceUs: number, limit: number): Promise<readonly CallAverage[]>
}

/** The average cost and output of a key's requests to a model. */
export interface CallAverage extends Tenant {
  /** Empty for requests without a key. */
  readonly keyId: string
  readonly provider: string
  readonly model: string
  readonly costNanoUsd: number
  readonly outputTokens: number
}
