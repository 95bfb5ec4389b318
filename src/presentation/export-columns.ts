import { traceDetailJson } from './trace-json.ts'
import { given } from '../wire/json/json-field.ts'
import { formatTime } from '../time/rfc3339.ts'
import type { Trace } from '../traces/trace.ts'
import { nanoToUsd } from '../usage/money.ts'
import { csvCell } from './csv-cell.ts'

/** Kinds of values of a column; each may be null but `text`, which is empty instead. Times are epoch microseconds. */
export type ColumnType = 'text' | 'integer' | 'number' | 'time' | 'json'

/** One column of a table of traces. */
export interface ExportColumn {
  readonly name: string
  readonly type: ColumnType
  readonly of: (trace: Trace) => string | number | null
}

const text = (name: string, of: (trace: Trace) => string): ExportColumn => ({ name, type: 'text', of })
const integer = (name: string, of: (trace: Trace) => number | null): ExportColumn => ({
  name,
  type: 'integer',
  of,
})
const usd = (name: string, of: (trace: Trace) => number | null): ExportColumn => ({
  name,
  type: 'number',
  of: (trace) => {
    const nanoUsd = of(trace)
    return nanoUsd === null ? null : nanoToUsd(nanoUsd)
  },
})
const json = (name: string, of: (trace: Trace) => unknown): ExportColumn => ({
  name,
  type: 'json',
  of: (trace) => JSON.stringify(of(trace)),
})

/** Columns of CSV and Parquet, in the names of the API, with the tenant. */
export function exportColumns(bodies: boolean): ExportColumn[] {
  return [
    text('id', (trace) => trace.id),
    { name: 'timestamp', type: 'time', of: (trace) => trace.startedAtUs },
    { name: 'created_at', type: 'time', of: (trace) => trace.createdAtUs },
    text('organization_id', (trace) => trace.organizationId),
    text('workspace_id', (trace) => trace.workspaceId),
    text('gateway_key_id', (trace) => trace.gatewayKeyId),
    text('provider', (trace) => trace.provider),
    text('api', (trace) => trace.api),
    text('requested_model', (trace) => trace.requestedModel),
    text('model', (trace) => trace.model),
    text('request_method', (trace) => trace.requestMethod),
    text('request_path', (trace) => trace.requestPath),
    integer('response_status', (trace) => trace.responseStatus),
    text('outcome', (trace) => trace.outcome),
    text('error_code', (trace) => trace.errorCode),
    text('provider_error', (trace) => trace.providerError),
    integer('input_tokens', (trace) => trace.inputTokens),
    integer('output_tokens', (trace) => trace.outputTokens),
    integer('total_tokens', (trace) => trace.totalTokens),
    integer('cache_read_input_tokens', (trace) => trace.cacheReadInputTokens),
    integer('cache_creation_input_tokens', (trace) => trace.cacheCreationInputTokens),
    integer('reasoning_tokens', (trace) => trace.reasoningTokens),
    text('usage_source', (trace) => trace.usageSource),
    usd('estimated_cost_usd', (trace) => trace.costNanoUsd),
    integer('cost_nano_usd', (trace) => trace.costNanoUsd),
    text('cost_status', (trace) => trace.costStatus),
    usd('list_price_usd', (trace) => trace.listPriceNanoUsd),
    integer('latency_ms', (trace) => trace.latencyMs),
    integer('time_to_first_token_ms', (trace) => trace.timeToFirstTokenMs),
    text('finish_reason', (trace) => trace.finishReason),
    text('api_key_hash', (trace) => trace.apiKeyHash),
    text('upstream_request_id', (trace) => trace.upstreamRequestId),
    text('correlation_id', (trace) => trace.correlationId),
    text('session_id', (trace) => trace.sessionId),
    text('end_user', (trace) => trace.endUser),
    text('client', (trace) => trace.client),
    text('client_version', (trace) => trace.clientVersion),
    json('tags', (trace) => trace.tags),
    text('trace_group_id', (trace) => trace.traceGroupId),
    text('thread_id', (trace) => trace.threadId),
    text('run_id', (trace) => trace.runId),
    json('metadata', (trace) => trace.metadata),
    json('usage', (trace) => trace.detail.usage),
    json('cache', (trace) => trace.detail.cache ?? {}),
    ...(bodies
      ? [
          text('request_body', (trace) => bodyText(trace.requestBody)),
          text('response_body', (trace) => bodyText(trace.responseBody)),
        ]
      : []),
  ]
}

function bodyText(bytes: Uint8Array | null): string {
  return bytes ? Buffer.from(bytes).toString('utf8') : ''
}

/** A trace as one line of JSON: as the API shows it, with the tenant. */
export function exportLine(trace: Trace): string {
  return `${JSON.stringify({
    organization_id: trace.organizationId,
    workspace_id: trace.workspaceId,
    ...given('gateway_key_id', trace.gatewayKeyId),
    api: trace.api,
    ...traceDetailJson(trace),
    correlation_id: trace.correlationId,
  })}\n`
}

/** The first line of a CSV file. @see https://www.rfc-editor.org/rfc/rfc4180 */
export function csvHead(columns: readonly ExportColumn[]): string {
  return `${columns.map(({ name }) => name).join(',')}\r\n`
}

/** A trace as a record of a CSV file. */
export function csvRecord(columns: readonly ExportColumn[], trace: Trace): string {
  const cells = columns.map(({ type, of }) => {
    const value = of(trace)
    if (value === null) return ''
    if (type === 'time') return formatTime(Number(value))
    // Numbers are ours, and stay numbers.
    return typeof value === 'number' ? String(value) : csvCell(value)
  })
  return `${cells.join(',')}\r\n`
}
