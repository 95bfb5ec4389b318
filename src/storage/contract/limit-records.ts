import type { Adjustment, AdjustmentChange } from '../../limits/policies/adjustments.ts'
import type { Tenant } from './tenant.ts'

/** What limits keep beside the ledger. */
export interface LimitRecords {
  /** What operators changed of budgets, the latest changes first; of very many, the oldest are left out. */
  adjustments(): Promise<readonly Adjustment[]>
  /** Changes a policy's budget for one subject of the ledger; what the change does not name stays. */
  adjust(policy: string, counter: string, change: AdjustmentChange, nowMs: number): Promise<void>
  /** Averages since a day, of what was asked for most first. @param limit how many */
  averages(sinceUs: number, limit: number): Promise<readonly CallAverage[]>
}

/** What requests of a key to a model came to on average. */
export interface CallAverage extends Tenant {
  /** Empty for requests without a key. */
  readonly keyId: string
  readonly provider: string
  readonly model: string
  readonly costNanoUsd: number
  readonly outputTokens: number
}
