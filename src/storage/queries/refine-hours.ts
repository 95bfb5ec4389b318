import { sql, type Kysely } from 'kysely'
import { measureIn } from '../rollups/measures.ts'
import { HOUR_US, SPANS, type RollupDelta } from '../rollups/rollup-delta.ts'
import { rollUp } from '../rollups/rollup-sums.ts'
import type { Tables } from '../schema.ts'
import type { HourPlace } from '../contract/trace-maintenance.ts'
import { isRollup } from './is-rollup.ts'
import { readRolledUpSeq } from './counters.ts'
import type { Read, Write } from './tables.ts'
import { fromTraceRow } from './trace-rows.ts'

const NARROW = [SPANS.quarter.code, SPANS.hour.code]

/** The next hour that an earlier version summed up and whose traces may all be there; `undefined` when there is none. */
export function nextHour(read: Read, after: HourPlace | undefined): Promise<HourPlace | undefined> {
  return read(async (database) => {
    const oldest = await database
      .selectFrom('traces')
      .select('created_at_us')
      .orderBy('created_at_us')
      .limit(1)
      .executeTakeFirst()
    if (!oldest) return undefined
    let query = database
      .selectFrom('rollups')
      .select(['organization_id', 'workspace_id', 'start_us'])
      .where('span', '=', SPANS.hour.code)
      .where('dimension', '=', '')
      // Retention deletes the oldest first.
      .where('start_us', '>', oldest.created_at_us - HOUR_US)
      .orderBy('organization_id')
      .orderBy('workspace_id')
      .orderBy('start_us')
      .limit(1)
    if (after) {
      const { organizationId, workspaceId, startUs } = after
      query = query.where(
        sql<boolean>`(organization_id, workspace_id, start_us) > (${organizationId}, ${workspaceId}, ${startUs})`,
      )
    }
    const row = await query.executeTakeFirst()
    return (
      row && {
        organizationId: row.organization_id,
        workspaceId: row.workspace_id,
        startUs: Number(row.start_us),
      }
    )
  })
}

/**
 * Sums the traces of an hour again, by quarter, if none of them is missing. Sums of days get the failures that an earlier version
 * on the same store did not count.
 */
export function refineHour(
  write: Write,
  addToRollups: (database: Kysely<Tables>, deltas: readonly RollupDelta[]) => Promise<void>,
  hour: HourPlace,
): Promise<void> {
  return write(async (database) => {
    const { requests, longest } = await narrowRollups(database, hour, '')
      .select([
        sql<number>`COALESCE(SUM(requests), 0)`.as('requests'),
        sql<number>`COALESCE(MAX(max_duration_us), 0)`.as('longest'),
      ])
      .executeTakeFirstOrThrow()
    const rows = await database
      .selectFrom('traces')
      .selectAll()
      .where('organization_id', '=', hour.organizationId)
      .where('workspace_id', '=', hour.workspaceId)
      .where('created_at_us', '>=', hour.startUs)
      .where('created_at_us', '<', hour.startUs + HOUR_US + Number(longest))
      .where('started_at_us', '>=', hour.startUs)
      .where('started_at_us', '<', hour.startUs + HOUR_US)
      .where('seq', '<=', await readRolledUpSeq(database))
      .execute()
    if (rows.length !== Number(requests)) return
    const deltas = rollUp(rows.map(fromTraceRow))
    const before = new Map<string, number>()
    for (const dimension of new Set(deltas.map(({ key }) => key.dimension))) {
      const failed = await narrowRollups(database, hour, dimension)
        .select(['value', 'provider', 'model', 'failed_answers'])
        .where('failed_answers', '>', 0)
        .execute()
      for (const row of failed) {
        const name = JSON.stringify([dimension, row.value, row.provider, row.model])
        before.set(name, (before.get(name) ?? 0) + Number(row.failed_answers))
      }
      await database
        .deleteFrom('rollups')
        .where('span', 'in', NARROW)
        .where('dimension', '=', dimension)
        .where('organization_id', '=', hour.organizationId)
        .where('workspace_id', '=', hour.workspaceId)
        .where('start_us', '>=', hour.startUs)
        .where('start_us', '<', hour.startUs + HOUR_US)
        .execute()
    }
    await addToRollups(
      database,
      deltas.filter(({ key }) => key.span === 'quarter'),
    )
    for (const { key, measures } of deltas) {
      const counted = before.get(JSON.stringify([key.dimension, key.value, key.provider, key.model])) ?? 0
      const failed = measureIn(measures, 'failedAnswers')
      if (key.span !== 'day' || failed === counted) continue
      await database
        .updateTable('rollups')
        .set({ failed_answers: sql`failed_answers + ${failed - counted}` })
        .where(isRollup(key))
        .execute()
    }
  })
}

/** Sums of an hour and its quarters, of a workspace and a dimension. */
function narrowRollups(database: Kysely<Tables>, hour: HourPlace, dimension: string) {
  return database
    .selectFrom('rollups')
    .where('span', 'in', NARROW)
    .where('dimension', '=', dimension)
    .where('organization_id', '=', hour.organizationId)
    .where('workspace_id', '=', hour.workspaceId)
    .where('start_us', '>=', hour.startUs)
    .where('start_us', '<', hour.startUs + HOUR_US)
}
