import { given, givenBody } from '../wire/json/json-field.ts'
import { formatTime } from '../time/rfc3339.ts'
import type { TraceSummary } from '../storage/contract/traces.ts'
import { attemptsOf, tokensOf } from '../traces/attempts.ts'
import { lineageOf } from '../traces/lineage.ts'
import type { Trace } from '../traces/trace.ts'
import { receiptJson } from './receipt-json.ts'
import { nanoToUsd } from '../usage/money.ts'

/** A trace as lists show it, in the contract's names and order. */
export function traceSummaryJson(trace: TraceSummary): Record<string, unknown> {
  return {
    id: trace.id,
    timestamp: formatTime(trace.startedAtUs),
    provider: trace.provider,
    ...given('requested_model', trace.requestedModel),
    model: trace.model,
    request_method: trace.requestMethod,
    request_path: trace.requestPath,
    response_status: trace.responseStatus,
    outcome: trace.outcome,
    ...given('error_code', trace.errorCode),
    ...given('provider_error', trace.providerError),
    ...usageJson(trace),
    latency_ms: trace.latencyMs,
    time_to_first_token_ms: trace.timeToFirstTokenMs,
    time_to_first_token_us: trace.timeToFirstTokenUs,
    ...given('api_key_hash', trace.apiKeyHash),
    ...costJson(trace),
    ...given('finish_reason', trace.finishReason),
    ...given('upstream_request_id', trace.upstreamRequestId),
    attempts: trace.attempts,
    ...given('target', trace.target),
    ...attributionJson(trace),
    created_at: formatTime(trace.createdAtUs),
  }
}

/** A single trace, with everything that was recorded. */
export function traceDetailJson(trace: Trace): Record<string, unknown> {
  return {
    id: trace.id,
    ...given('trace_group_id', trace.traceGroupId),
    lineage: lineageOf(trace),
    timestamp: formatTime(trace.startedAtUs),
    provider: trace.provider,
    ...given('requested_model', trace.requestedModel),
    model: trace.model,
    request_method: trace.requestMethod,
    request_path: trace.requestPath,
    request_headers: trace.requestHeaders,
    ...givenBody('request_body', trace.requestBody),
    response_status: trace.responseStatus,
    outcome: trace.outcome,
    ...given('error_code', trace.errorCode),
    ...given('provider_error', trace.providerError),
    response_headers: trace.responseHeaders,
    ...givenBody('response_body', trace.responseBody),
    ...usageJson(trace),
    latency_ms: trace.latencyMs,
    time_to_first_token_ms: trace.timeToFirstTokenMs,
    time_to_first_token_us: trace.timeToFirstTokenUs,
    ...given('api_key_hash', trace.apiKeyHash),
    ...costJson(trace),
    ...given('finish_reason', trace.finishReason),
    ...given('upstream_request_id', trace.upstreamRequestId),
    ...given('target', trace.target),
    attempts: attemptsOf(trace),
    ...(trace.detail.mutated ? { mutated: trace.detail.mutated } : {}),
    ...(trace.detail.fidelity ? { fidelity: trace.detail.fidelity } : {}),
    ...attributionJson(trace),
    metadata: trace.metadata,
    usage: trace.detail.usage,
    cost: receiptJson(trace.detail.cost),
    ...(trace.detail.cost_history ? { cost_history: trace.detail.cost_history.map(receiptJson) } : {}),
    timing: { limit_wait_us: 0, ...trace.detail.timing },
    upstream: trace.detail.upstream,
    ...(trace.detail.cache ? { cache: trace.detail.cache } : {}),
    created_at: formatTime(trace.createdAtUs),
  }
}

/** Session, end user, client and tags of an exchange, in the contract's names. */
export function attributionJson(trace: TraceSummary): Record<string, unknown> {
  return {
    ...given('session_id', trace.sessionId),
    ...given('end_user', trace.endUser),
    ...given('client', trace.client),
    ...given('client_version', trace.clientVersion),
    ...given('agent', trace.agent),
    ...given('project', trace.project),
    ...(Object.keys(trace.tags).length > 0 ? { tags: trace.tags } : {}),
  }
}

/** Tokens and where they come from, in the contract's names. */
export function usageJson(trace: TraceSummary): Record<string, unknown> {
  return { ...tokensOf(trace), usage_source: trace.usageSource }
}

/** Cost and its status, in the contract's names; with an included cost, also the list price. */
export function costJson(trace: TraceSummary): Record<string, unknown> {
  return {
    estimated_cost_usd: trace.costNanoUsd === null ? null : nanoToUsd(trace.costNanoUsd),
    cost_status: trace.costStatus,
    ...(trace.costStatus === 'included'
      ? { list_price_usd: trace.listPriceNanoUsd === null ? null : nanoToUsd(trace.listPriceNanoUsd) }
      : {}),
  }
}
