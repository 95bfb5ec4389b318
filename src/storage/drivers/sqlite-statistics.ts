import type { Database } from 'bun:sqlite'

/**
 * Rows that each index returns for a value of its first column, its first two …, in a store of a million traces. Set once instead
 * of counted again and again (ANALYZE), so that the plans are good from the first trace on and stay what was measured.
 */
const SELECTIVITY: Readonly<Record<string, string>> = {
  traces_created: '1000000 1 1',
  traces_tenant: '1000000 200000 50000 1 1',
  traces_arrival: '1000000 200000 50000 1',
  traces_model: '1000000 40000 1',
  traces_api_key: '1000000 10000 1',
  traces_gateway_key: '1000000 10000 1',
  traces_client: '1000000 150000 1',
  traces_status: '20000 5000 1',
  traces_session: '900000 30 1',
  traces_end_user: '900000 2000 1',
  traces_group: '500000 30 1',
  traces_thread: '500000 20 1',
  traces_run: '500000 10 1',
  traces_consumption: '100000 100 1',
}

/** Writes the planner's statistics into a database that was migrated just now. */
export function writePlannerStatistics(database: Database): void {
  // Makes the table of statistics.
  database.run('ANALYZE sqlite_schema')
  database.run(`DELETE FROM sqlite_stat1 WHERE tbl IN ('traces', 'trace_tags')`)
  const insert = database.query('INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)')
  for (const [index, stat] of Object.entries(SELECTIVITY)) insert.run('traces', index, stat)
  insert.run('trace_tags', 'trace_tags_value', '1000000 200000 20000 1 1')
  insert.run('trace_tags', 'trace_tags_tenant', '1000000 200000 50000 10000 1000 1 1')
  database.run('ANALYZE sqlite_schema')
}
