import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import type { Trace } from '../../traces/trace.ts'
import { toDetailsRow, toTraceRow } from '../queries/trace-rows.ts'
import { ROLLUP_KEY, upsertRollup } from '../rollups/upsert.ts'
import type { Tables, TraceBodiesTable } from '../schema.ts'
import { addToSpend } from '../spend-rows.ts'

/** The statements that store a trace, prepared once: they are the recorder's hot path. */
export interface InsertStatements {
  readonly trace: Statement
  readonly details: Statement
  readonly bodies: Statement
  readonly tag: Statement
  readonly useChunk: Statement
  readonly chunk: Statement
  readonly counter: Statement
  readonly spend: Statement
  /** Finds another trace of a consumption: of an id, without the trace of an id. */
  readonly consumption: Statement
}

/** The statements that add sums to the rollups. */
export interface RollupStatements {
  readonly latencies: Statement
  readonly rollup: Statement
}

/** Prepares the statements that add sums to the rollups. */
export function prepareRollups(database: Database): RollupStatements {
  return {
    latencies: database.prepare(
      `SELECT latencies FROM rollups WHERE ${ROLLUP_KEY.map((column) => `${column} = ?`).join(' AND ')}`,
    ),
    rollup: database.prepare(upsertRollup({ rows: 1, parameter: () => '?', least: 'MIN', greatest: 'MAX' })),
  }
}

/** Prepares the statements that store a trace. @param shape any trace: it gives the columns and their order */
export function prepareInserts(database: Database, kysely: Kysely<Tables>, shape: Trace): InsertStatements {
  const prepare = (query: { compile(): { sql: string } }): Statement => database.prepare(query.compile().sql)
  const bodies: TraceBodiesTable = {
    seq: 0,
    request_body: null,
    response_body: null,
    request_chunks: null,
    response_chunks: null,
    created_at_us: 0,
  }
  return {
    trace: prepare(
      kysely
        .insertInto('traces')
        .values(toTraceRow(shape))
        .onConflict((conflict) => conflict.column('id').doNothing()),
    ),
    details: prepare(kysely.insertInto('trace_details').values(toDetailsRow(0, shape))),
    bodies: prepare(kysely.insertInto('trace_bodies').values(bodies)),
    tag: prepare(
      kysely.insertInto('trace_tags').values({
        seq: 0,
        key: '',
        value: '',
        created_at_us: 0,
        organization_id: '',
        workspace_id: '',
      }),
    ),
    useChunk: database.prepare(
      'UPDATE body_chunks SET uses = uses + 1 WHERE organization_id = ? AND workspace_id = ? AND hash = ?',
    ),
    chunk: database.prepare(
      'INSERT INTO body_chunks (organization_id, workspace_id, hash, uses, bytes, data) VALUES (?, ?, ?, 1, ?, ?)',
    ),
    counter: database.prepare('UPDATE counters SET value = value + ? WHERE name = ?'),
    spend: database.prepare(addToSpend(1, () => '?')),
    // The newest first: what is fetched again was mostly made just now.
    consumption: database.prepare(
      `WITH RECURSIVE pages (page) AS (
        SELECT MAX(seq) / 1024 FROM traces
        UNION ALL SELECT page - 1 FROM pages WHERE page > (SELECT MIN(seq) / 1024 FROM traces)
      )
      SELECT 1 FROM pages CROSS JOIN traces INDEXED BY traces_consumption
      ON traces.seq / 1024 = page AND traces.consumption_id = ? AND traces.consumption_id <> '' AND traces.id <> ? LIMIT 1`,
    ),
  }
}

/** The values of a row, in the order of its columns. */
export function values(row: object): SQLQueryBindings[] {
  return Object.values(row) as SQLQueryBindings[]
}

/** The query builder over an open database. */
export function kyselyOver(database: Database): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        close: () => database.close(),
        prepare: (sql) => {
          const statement = database.query(sql)
          const bind = (parameters: readonly unknown[]): SQLQueryBindings[] =>
            parameters as SQLQueryBindings[]
          return {
            reader: statement.columnNames.length > 0,
            all: (parameters) => statement.all(...bind(parameters)),
            run: (parameters) => statement.run(...bind(parameters)),
            iterate: (parameters) => statement.iterate(...bind(parameters)),
          }
        },
      },
    }),
  })
}
