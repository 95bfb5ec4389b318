import { given } from '../json-field.ts'
import { formatTime } from '../rfc3339.ts'
import type { MeasuredRow } from '../storage/storage.ts'
import { nanoToUsd } from '../usage/money.ts'
import type { ReportData } from './report-data.ts'

/** A report as `report.v1`, in the contract's names and order. */
export function reportJson(data: ReportData): object {
  const { totals, models, keys, filter } = data
  return {
    schema_version: 'report.v1',
    generated_at: data.generatedAt,
    storage: data.storage,
    filters: {
      ...given('provider', filter.provider ?? ''),
      ...given('model', filter.model ?? ''),
      ...given('session_id', filter.sessionId ?? ''),
      ...given('end_user', filter.endUser ?? ''),
      ...given('client', filter.client ?? ''),
      ...(filter.tags === undefined ? {} : { tags: filter.tags }),
      ...(filter.fromUs === undefined ? {} : { from: formatTime(filter.fromUs) }),
      ...(filter.toUs === undefined ? {} : { to: formatTime(filter.toUs) }),
      limit: data.limit,
    },
    summary: {
      total_requests: totals.requests,
      total_input_tokens: totals.inputTokens,
      total_output_tokens: totals.outputTokens,
      total_tokens: totals.totalTokens,
      total_cost_usd: nanoToUsd(totals.costNanoUsd),
      active_keys: keys.length,
      ...given('top_model', models[0]?.group ?? ''),
      unknown_cost_requests: totals.unknownCostRequests,
      estimated_cost_requests: totals.estimatedCostRequests,
      unmetered_requests: totals.unmeteredRequests,
    },
    providers: data.providers.map((row) => ({
      provider: row.group || '(unknown)',
      input_tokens: row.inputTokens,
      output_tokens: row.outputTokens,
      total_tokens: row.totalTokens,
      ...costJson(row),
    })),
    models: models.map((row) => ({
      model: row.group,
      request_count: row.requests,
      avg_latency_ms: average(row.latencyMs, row),
      avg_ttft_ms: average(row.timeToFirstTokenMs, row),
      total_tokens: row.totalTokens,
      ...costJson(row),
    })),
    api_keys: keys.map((row) => ({
      api_key_hash: row.group,
      request_count: row.requests,
      total_tokens: row.totalTokens,
      total_cost_usd: nanoToUsd(row.costNanoUsd),
      last_active_at: formatTime(row.lastCreatedAtUs),
    })),
    recent_traces: data.recent.map((trace) => ({
      id: trace.id,
      timestamp: formatTime(trace.startedAtUs),
      provider: trace.provider,
      model: trace.model,
      response_status: trace.responseStatus,
      outcome: trace.outcome,
      input_tokens: trace.inputTokens,
      output_tokens: trace.outputTokens,
      total_tokens: trace.totalTokens,
      estimated_cost_usd: trace.costNanoUsd === null ? null : nanoToUsd(trace.costNanoUsd),
      cost_status: trace.costStatus,
      ...(trace.api === '' && trace.costNanoUsd === null ? { unmetered: true } : {}),
      latency_ms: trace.latencyMs,
      time_to_first_token_ms: trace.timeToFirstTokenMs,
      request_path: trace.requestPath,
    })),
    latency: {
      ...latencyJson(data.latency),
      models: models.map((row) => ({ model: row.group, ...latencyJson(row) })),
    },
    errors: {
      ...errorsJson(totals),
      providers: data.providers.map((row) => ({ provider: row.group || '(unknown)', ...errorsJson(row) })),
    },
    sessions: data.sessions.map((row) => ({
      session_id: row.group,
      request_count: row.requests,
      total_tokens: row.totalTokens,
      ...costJson(row),
      last_active_at: formatTime(row.lastCreatedAtUs),
    })),
  }
}

function costJson(row: MeasuredRow): object {
  return {
    total_cost_usd: nanoToUsd(row.costNanoUsd),
    unknown_cost_requests: row.unknownCostRequests,
  }
}

function latencyJson(row: MeasuredRow): object {
  return {
    request_count: row.requests,
    avg_ms: average(row.latencyMs, row),
    min_ms: row.minLatencyMs,
    max_ms: row.maxLatencyMs,
    p50_ms: row.percentiles?.p50 ?? 0,
    p95_ms: row.percentiles?.p95 ?? 0,
    p99_ms: row.percentiles?.p99 ?? 0,
  }
}

function errorsJson(row: MeasuredRow): object {
  return {
    total_requests: row.requests,
    error_count_4xx: row.errors4xx,
    error_count_5xx: row.errors5xx,
    error_rate: errorRate(row),
  }
}

/** Share of requests that ended with a status of an error, 0 to 1. */
export function errorRate(row: MeasuredRow): number {
  return row.requests === 0 ? 0 : (row.errors4xx + row.errors5xx) / row.requests
}

/** Mean of a sum over the requests; 0 without any. */
export function average(sum: number, { requests }: MeasuredRow): number {
  return requests === 0 ? 0 : sum / requests
}
