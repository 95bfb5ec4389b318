import { given } from '../wire/json/json-field.ts'
import { average, costSumsJson, errorsJson, latencyJson } from './measure-json.ts'
import { costJson } from './trace-json.ts'
import { formatTime } from '../time/rfc3339.ts'
import { priceAgeJson } from './price-age-text.ts'
import type { ReportData } from './report-data.ts'
import type { TraceSummary } from '../storage/contract/traces.ts'

/** A report as `report.v1`, in the contract's names and order. */
export function reportJson(data: ReportData): object {
  const { totals, models, keys } = data
  return {
    schema_version: 'report.v1',
    generated_at: data.generatedAt,
    storage: data.storage,
    filters: filtersJson(data),
    ...(data.approximate ? { approximate: true } : {}),
    summary: summaryJson(data),
    providers: data.providers.map((row) => ({
      provider: row.group || '(unknown)',
      input_tokens: row.inputTokens,
      output_tokens: row.outputTokens,
      total_tokens: row.totalTokens,
      ...costSumsJson(row),
    })),
    models: models.map((row) => ({
      model: row.group,
      request_count: row.requests,
      avg_latency_ms: average(row.latencyMs, row),
      avg_ttft_ms: average(row.timeToFirstTokenMs, row),
      total_tokens: row.totalTokens,
      ...costSumsJson(row),
    })),
    api_keys: keys.map((row) => ({
      api_key_hash: row.group,
      request_count: row.requests,
      total_tokens: row.totalTokens,
      ...costSumsJson(row),
      last_active_at: formatTime(row.lastCreatedAtUs),
    })),
    gateway_keys: data.gatewayKeys.map((row) => ({
      gateway_key_id: row.group,
      name: data.keyNames.get(row.group) ?? '',
      request_count: row.requests,
      total_tokens: row.totalTokens,
      ...costSumsJson(row),
      last_active_at: formatTime(row.lastCreatedAtUs),
    })),
    recent_traces: data.recent.map(recentJson),
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
      ...costSumsJson(row),
      last_active_at: formatTime(row.lastCreatedAtUs),
    })),
  }
}

function filtersJson({ filter, limit }: ReportData): object {
  return {
    ...given('provider', filter.provider ?? ''),
    ...given('model', filter.model ?? ''),
    ...given('session_id', filter.sessionId ?? ''),
    ...given('end_user', filter.endUser ?? ''),
    ...given('client', filter.client ?? ''),
    ...(filter.tags === undefined ? {} : { tags: filter.tags }),
    ...(filter.fromUs === undefined ? {} : { from: formatTime(filter.fromUs) }),
    ...(filter.toUs === undefined ? {} : { to: formatTime(filter.toUs) }),
    limit,
  }
}

function summaryJson({ totals, models, keys, prices }: ReportData): object {
  return {
    total_requests: totals.requests,
    total_input_tokens: totals.inputTokens,
    total_output_tokens: totals.outputTokens,
    total_tokens: totals.totalTokens,
    ...costSumsJson(totals),
    active_keys: keys.length,
    ...given('top_model', models[0]?.group ?? ''),
    unmetered_requests: totals.unmeteredRequests,
    price_list: priceAgeJson(prices),
  }
}

function recentJson(trace: TraceSummary): object {
  return {
    id: trace.id,
    timestamp: formatTime(trace.startedAtUs),
    provider: trace.provider,
    model: trace.model,
    response_status: trace.responseStatus,
    outcome: trace.outcome,
    input_tokens: trace.inputTokens,
    output_tokens: trace.outputTokens,
    total_tokens: trace.totalTokens,
    ...costJson(trace),
    ...(trace.api === '' && trace.costNanoUsd === null ? { unmetered: true } : {}),
    latency_ms: trace.latencyMs,
    time_to_first_token_ms: trace.timeToFirstTokenMs,
    request_path: trace.requestPath,
  }
}
