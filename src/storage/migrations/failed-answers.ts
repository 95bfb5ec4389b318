import type { Migration } from './migrations.ts'

const HOUR_US = 3_600_000_000

/** Dimensions of the rollups and the columns of `traces` that hold their values. */
const DIMENSIONS: readonly [dimension: string, column: string][] = [
  ['route', 'request_path'],
  ['key', 'gateway_key_id'],
  ['api_key', 'api_key_hash'],
  ['session', 'session_id'],
  ['end_user', 'end_user'],
  ['client', 'client'],
]

/**
 * Failures with a success status: the provider's own code for each, and their count. Earlier rollups are counted again, so this must run
 * before a migration that changes the widths of the rollups.
 */
export const failedAnswers: Migration = {
  name: '013_failed_answers',
  statements: ({ text }) => [
    `ALTER TABLE traces ADD COLUMN provider_error ${text} NOT NULL DEFAULT ''`,
    `ALTER TABLE rollups ADD COLUMN failed_answers BIGINT NOT NULL DEFAULT 0`,
    `WITH failed AS (
        SELECT * FROM traces
        WHERE outcome IN ('upstream_failed', 'refused') AND response_status < 400
          AND seq <= (SELECT value FROM counters WHERE name = 'rolled_up_seq')
      ), valued AS (
        SELECT '' AS dimension, '' AS value, failed.* FROM failed
        ${DIMENSIONS.map(([dimension, column]) => `UNION ALL SELECT '${dimension}', ${column}, failed.* FROM failed`).join('\n        ')}
        UNION ALL SELECT 'tag.' || trace_tags.key, trace_tags.value, failed.*
          FROM failed JOIN trace_tags ON trace_tags.seq = failed.seq
      ), counted AS (
        SELECT span, dimension, value, organization_id, workspace_id, provider, model,
          started_at_us - started_at_us % (span * ${HOUR_US}) AS start_us, COUNT(*) AS failures
        FROM valued CROSS JOIN (SELECT 1 AS span UNION ALL SELECT 24) AS spans
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
      )
      UPDATE rollups SET failed_answers = counted.failures FROM counted
      WHERE ${[
        'span',
        'dimension',
        'value',
        'organization_id',
        'workspace_id',
        'provider',
        'model',
        'start_us',
      ]
        .map((column) => `rollups.${column} = counted.${column}`)
        .join(' AND ')}`,
  ],
}
