import { sql } from 'kysely'
import type { Adjustment, AdjustmentChange } from '../../limits/policies/adjustments.ts'
import { SPANS } from '../rollups/rollup-delta.ts'
import type { LimitRecords, CallAverage } from '../contract/limit-records.ts'
import type { Read, Write } from './tables.ts'

/** Adjustments that are read at most, those changed last first. */
const MAX_ADJUSTMENTS = 10_000

/** Longer than every period but `total`: adjustments that ended earlier no longer apply. */
const LONGEST_MS = 400 * 86_400_000

/** What limits store in a database besides the ledger. */
export class LimitRecordQueries implements LimitRecords {
  readonly #read: Read
  readonly #write: Write

  constructor(read: Read, write: Write) {
    this.#read = read
    this.#write = write
  }

  adjustments(): Promise<readonly Adjustment[]> {
    return this.#read(async (database) => {
      const rows = await database
        .selectFrom('limit_adjustments')
        .selectAll()
        .orderBy('changed_at_ms', 'desc')
        .limit(MAX_ADJUSTMENTS)
        .execute()
      return rows.map((row) => ({
        policy: row.policy,
        counter: row.subject,
        resetFromMs: row.reset_from_ms,
        forgivenNanoUsd: row.forgiven_nano_usd,
        forgivenTokens: row.forgiven_tokens,
        raisedToNanoUsd: row.raised_to_nano_usd,
        raisedUntilMs: row.raised_until_ms,
      }))
    })
  }

  adjust(policy: string, counter: string, change: AdjustmentChange, nowMs: number): Promise<void> {
    const columns =
      'resetFromMs' in change
        ? {
            reset_from_ms: change.resetFromMs,
            forgiven_nano_usd: change.forgivenNanoUsd,
            forgiven_tokens: change.forgivenTokens,
          }
        : { raised_to_nano_usd: change.raisedToNanoUsd, raised_until_ms: change.raisedUntilMs }
    return this.#write(async (database) => {
      await database
        .deleteFrom('limit_adjustments')
        .where('raised_until_ms', '<', nowMs)
        .where('reset_from_ms', '<', nowMs - LONGEST_MS)
        // A period without a beginning: such a reset is permanent.
        .where('reset_from_ms', '<>', 0)
        .execute()
      await database
        .insertInto('limit_adjustments')
        .values({ ...UNCHANGED, policy, subject: counter, ...columns, changed_at_ms: nowMs })
        .onConflict((conflict) =>
          conflict.columns(['policy', 'subject']).doUpdateSet({ ...columns, changed_at_ms: nowMs }),
        )
        .execute()
    })
  }

  averages(sinceUs: number, limit: number): Promise<readonly CallAverage[]> {
    return this.#read(async (database) => {
      const rows = await database
        .selectFrom('rollups')
        .select(['organization_id', 'workspace_id', 'value', 'provider', 'model'])
        .select(sql<number>`SUM(requests - errors_4xx - errors_5xx)`.as('succeeded'))
        .select(sql<number>`SUM(requests - errors_4xx - errors_5xx - unknown_cost_requests)`.as('priced'))
        // Estimates are of prices. For an included cost, that is the list price.
        .select(sql<number>`SUM(cost_nano_usd + list_price_nano_usd)`.as('price_nano_usd'))
        .select(({ fn }) => fn.sum<number>('output_tokens').as('output_tokens'))
        .where('span', '=', SPANS.day.code)
        .where('dimension', '=', 'key')
        .where('start_us', '>=', sinceUs)
        .groupBy(['organization_id', 'workspace_id', 'value', 'provider', 'model'])
        .orderBy('succeeded', 'desc')
        .limit(limit)
        .execute()
      return rows
        .filter(({ succeeded }) => succeeded > 0)
        .map((row) => ({
          organizationId: row.organization_id,
          workspaceId: row.workspace_id,
          keyId: row.value,
          provider: row.provider,
          model: row.model,
          costNanoUsd: row.price_nano_usd / Math.max(1, row.priced),
          outputTokens: row.output_tokens / row.succeeded,
        }))
    })
  }
}

const UNCHANGED = {
  reset_from_ms: -1,
  forgiven_nano_usd: 0,
  forgiven_tokens: 0,
  raised_to_nano_usd: 0,
  raised_until_ms: 0,
}
