import { sql, type Kysely } from 'kysely'
import type { Trace } from '../../traces/trace.ts'
import { changedColumns, costChanges, type CostChange } from '../rollups/cost-changes.ts'
import { HOUR_US, type RollupKey } from '../rollups/rollup-delta.ts'
import type { Tables } from '../schema.ts'
import type { CostUpdate } from '../contract/trace-maintenance.ts'
import { isRollup } from './is-rollup.ts'
import { addToCounter, detailBytes, readRolledUpSeq } from './counters.ts'
import { readPage } from './stored-pages.ts'
import { toDetailsRow } from './trace-rows.ts'

/** Gives traces other costs, and the sums that they are in the difference. */
export async function replaceCosts(database: Kysely<Tables>, updates: readonly CostUpdate[]): Promise<void> {
  const seqs = updates.map(({ seq }) => seq)
  const stored = await readPage(database.selectFrom('traces').where('traces.seq', 'in', seqs), seqs.length)
  // Retention may have taken a trace away since it was read.
  const pairs = stored.flatMap(({ seq, trace: before }) => {
    const after = updates.find((update) => update.seq === seq)?.trace
    return after ? [{ seq, before, after }] : []
  })
  if (pairs.length === 0) return
  const changed = pairs.map(({ seq }) => seq)
  const bytes = await detailBytes(database, changed)
  for (const { seq, after } of pairs) {
    await database
      .updateTable('traces')
      .set({
        cost_status: after.costStatus,
        cost_nano_usd: after.costNanoUsd,
        list_price_nano_usd: after.listPriceNanoUsd,
      })
      .where('seq', '=', seq)
      .execute()
    await database
      .updateTable('trace_details')
      .set({ document: toDetailsRow(seq, after).document })
      .where('seq', '=', seq)
      .execute()
  }
  await addToCounter(database, 'trace_bytes', (await detailBytes(database, changed)) - bytes)
  const costed = (before: Trace, after: Trace): Trace => ({
    ...before,
    costStatus: after.costStatus,
    costNanoUsd: after.costNanoUsd,
    listPriceNanoUsd: after.listPriceNanoUsd,
  })
  const rolledUp = await readRolledUpSeq(database)
  const inRollups = pairs.filter(({ seq }) => seq <= rolledUp)
  const changes = costChanges(
    inRollups.map(({ before }) => before),
    inRollups.map(({ before, after }) => costed(before, after)),
  )
  for (const change of changes) {
    const { key } = change
    // A trace that an earlier version summed up is in an hour's sum, if that was not replaced by its quarters.
    const ofHour = { ...key, span: 'hour', startUs: key.startUs - (key.startUs % HOUR_US) } as const
    if (key.span === 'quarter' && (await applyChange(database, ofHour, change))) continue
    await applyChange(database, key, change)
  }
}

/** @returns whether there is such a rollup */
async function applyChange(database: Kysely<Tables>, key: RollupKey, change: CostChange): Promise<boolean> {
  const { numUpdatedRows } = await database
    .updateTable('rollups')
    .set(
      Object.fromEntries(
        changedColumns(change).map(([column, by]) => [column, sql`${sql.ref(column)} + ${by}`]),
      ),
    )
    .where(isRollup(key))
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}
