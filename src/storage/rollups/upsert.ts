import { MEASURE_LIST, type Joining } from './measures.ts'
import { SPANS, type RollupKey } from './rollup-delta.ts'

/** Columns of a rollup's key. */
export const ROLLUP_KEY = [
  'span',
  'dimension',
  'organization_id',
  'workspace_id',
  'start_us',
  'value',
  'provider',
  'model',
] as const

/** A key's values in the order of its columns. */
export function rollupKeyValues(key: RollupKey): (string | number)[] {
  const { span, dimension, organizationId, workspaceId, startUs, value, provider, model } = key
  return [SPANS[span].code, dimension, organizationId, workspaceId, startUs, value, provider, model]
}

/** How a database writes an upsert. */
export interface UpsertDialect {
  readonly rows: number
  /** Placeholder of a parameter, counted from 0. */
  readonly parameter: (index: number) => string
  /** Functions for the smaller and the larger of two values. */
  readonly least: string
  readonly greatest: string
}

/** SQL that adds rows to the rollups: key, measures and the new histogram, in this order, for each row. */
export function upsertRollup({ rows, parameter, least, greatest }: UpsertDialect): string {
  const columns = [...ROLLUP_KEY, ...MEASURE_LIST.map(({ column }) => column), 'latencies']
  const row = (index: number): string =>
    `(${columns.map((_, i) => parameter(index * columns.length + i)).join(', ')})`
  const joined = (column: string, joining: Joining): string => {
    const [stored, added] = [`rollups.${column}`, `excluded.${column}`]
    if (joining === 'sum') return `${column} = ${stored} + ${added}`
    return `${column} = ${joining === 'min' ? least : greatest}(${stored}, ${added})`
  }
  const changes = [
    ...MEASURE_LIST.map(({ column, joining }) => joined(column, joining)),
    'latencies = excluded.latencies',
  ]
  return `INSERT INTO rollups (${columns.join(', ')})
    VALUES ${Array.from({ length: rows }, (_, i) => row(i)).join(', ')}
    ON CONFLICT (${ROLLUP_KEY.join(', ')}) DO UPDATE SET ${changes.join(', ')}`
}
