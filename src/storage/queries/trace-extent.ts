import type { ReadScope } from '../../access/key-store.ts'
import type { TraceFilter } from '../contract/trace-filter.ts'
import { MEASURE_LIST } from '../rollups/measures.ts'
import { plan } from '../rollups/query.ts'
import { DAY_US, SPANS } from '../rollups/rollup-delta.ts'
import type { Tables } from '../schema.ts'
import { readRolledUpSeq } from './counters.ts'
import { rollupsOf } from './measure-parts.ts'
import { sums } from './sums.ts'
import { type Kysely, sql } from 'kysely'

/** Sums that are no series read whole days. */
const WHOLE_DAYS = { days: true, hours: false }

/** Longest exchange of a scope, in microseconds. */
export async function longestOf(database: Kysely<Tables>, scope: ReadScope | undefined): Promise<number> {
  const rolledUpSeq = await readRolledUpSeq(database)
  const all = {
    database,
    scope,
    filter: {},
    groups: [],
    series: undefined,
    ranked: false,
    longestUs: 0,
    rolledUpSeq,
  }
  const [row] = await sums({ ...all, plan: plan({}, [], WHOLE_DAYS) }, MEASURE_LIST)
  return row?.maxDurationUs ?? 0
}

/**
 * The days on which traces of a filter started, by the rollups: from the first to the end of the last, or `none`.
 *
 * @returns `undefined` when the rollups do not show that, or the filter selects everything
 */
export async function daysOf(
  database: Kysely<Tables>,
  scope: ReadScope | undefined,
  filter: TraceFilter,
): Promise<{ readonly fromUs: number; readonly toUs: number } | 'none' | undefined> {
  const { fromUs: _from, toUs: _to, ...conditions } = filter
  const planned = plan(conditions, [], WHOLE_DAYS)
  const narrow = planned.dimension !== '' || filter.provider !== undefined || filter.model !== undefined
  if (!narrow || planned.parts.some(({ source }) => source === 'traces')) return undefined
  const { first, last } = await rollupsOf(database, scope, filter, planned)
    .where('span', '=', SPANS.day.code)
    .select([sql<number | null>`MIN(start_us)`.as('first'), sql<number | null>`MAX(start_us)`.as('last')])
    .executeTakeFirstOrThrow()
  return first === null || last === null ? 'none' : { fromUs: first, toUs: last + DAY_US - 1 }
}
