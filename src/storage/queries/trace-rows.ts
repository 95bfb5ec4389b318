import type { Selectable } from 'kysely'
import type { Outcome } from '../../traces/exchange.ts'
import { usualAttempts, usualTarget } from '../../traces/attempts.ts'
import { storedFields } from '../../traces/stored-fields.ts'
import type { Trace, UsageSource } from '../../traces/trace.ts'
import type { CostStatus } from '../../usage/cost.ts'
import { cutBody, joinHashes, splitHashes, type Chunk } from '../bodies/chunks.ts'
import type { TraceBodiesTable, TraceDetailsTable, TraceTagsTable, TracesTable } from '../schema.ts'
import type { TraceSummary } from '../contract/traces.ts'

/** The typed columns of a trace, as a row to insert. */
export function toTraceRow(trace: Trace): Omit<Selectable<TracesTable>, 'seq'> {
  return {
    id: trace.id,
    organization_id: trace.organizationId,
    workspace_id: trace.workspaceId,
    gateway_key_id: trace.gatewayKeyId,
    trace_group_id: trace.traceGroupId,
    thread_id: trace.threadId,
    run_id: trace.runId,
    started_at_us: trace.startedAtUs,
    created_at_us: trace.createdAtUs,
    provider: trace.provider,
    api: trace.api,
    requested_model: trace.requestedModel,
    model: trace.model,
    request_method: trace.requestMethod,
    request_path: trace.requestPath,
    response_status: trace.responseStatus,
    outcome: trace.outcome,
    error_code: trace.errorCode,
    provider_error: trace.providerError,
    streaming: trace.streaming ? 1 : 0,
    input_tokens: trace.inputTokens,
    output_tokens: trace.outputTokens,
    total_tokens: trace.totalTokens,
    cache_read_input_tokens: trace.cacheReadInputTokens,
    cache_creation_input_tokens: trace.cacheCreationInputTokens,
    reasoning_tokens: trace.reasoningTokens,
    usage_source: trace.usageSource,
    cost_status: trace.costStatus,
    cost_nano_usd: trace.costNanoUsd,
    list_price_nano_usd: trace.listPriceNanoUsd,
    latency_ms: trace.latencyMs,
    time_to_first_token_ms: trace.timeToFirstTokenMs,
    time_to_first_token_us: trace.timeToFirstTokenUs,
    finish_reason: trace.finishReason,
    upstream_request_id: trace.upstreamRequestId,
    correlation_id: trace.correlationId,
    api_key_hash: trace.apiKeyHash,
    session_id: trace.sessionId,
    end_user: trace.endUser,
    client: trace.client,
    client_version: trace.clientVersion,
    agent: trace.agent,
    project: trace.project,
    tags: Object.keys(trace.tags).length === 0 ? '' : JSON.stringify(trace.tags),
    consumption_id: trace.consumptionId,
    attempts: trace.attempts === usualAttempts(trace) ? null : trace.attempts,
    target: trace.target === usualTarget(trace, trace.attempts) ? null : trace.target,
  }
}

/** The tags of a trace, as rows to insert. */
export function toTagRows(seq: number, trace: Trace): TraceTagsTable[] {
  return Object.entries(trace.tags).map(([key, value]) => ({
    seq,
    key,
    value,
    created_at_us: trace.createdAtUs,
    organization_id: trace.organizationId,
    workspace_id: trace.workspaceId,
  }))
}

/** The open part of a trace, kept as one JSON text. */
type TraceDocument = Pick<Trace, 'requestHeaders' | 'responseHeaders' | 'metadata' | 'detail'>

/** The open part of a trace, as a row to insert. */
export function toDetailsRow(seq: number, trace: Trace): TraceDetailsTable {
  const { requestHeaders, responseHeaders, metadata, detail } = trace
  const document: TraceDocument = { requestHeaders, responseHeaders, metadata, detail }
  return { seq, document: JSON.stringify(document) }
}

/** The bodies of a trace, as a row to insert and the chunks it refers to; `undefined` when none were captured. */
export function toBodiesRow(
  seq: number,
  { createdAtUs, requestBody, responseBody }: Trace,
): { row: TraceBodiesTable; chunks: Chunk[] } | undefined {
  if (!requestBody && !responseBody) return undefined
  const request = cutBody(requestBody ?? new Uint8Array())
  const response = cutBody(responseBody ?? new Uint8Array())
  const row = {
    seq,
    request_body: request.length > 0 ? null : requestBody,
    response_body: response.length > 0 ? null : responseBody,
    request_chunks: request.length > 0 ? joinHashes(request) : null,
    response_chunks: response.length > 0 ? joinHashes(response) : null,
    created_at_us: createdAtUs,
  }
  return { row, chunks: [...request, ...response] }
}

/** The hashes of all chunks a row refers to, once per reference. */
export function chunksOf(row: TraceBodiesTable): Uint8Array[] {
  return [row.request_chunks, row.response_chunks].flatMap((hashes) => (hashes ? splitHashes(hashes) : []))
}

/** A row as lists show it. Rows are our own, so their closed sets of words are trusted. */
export function fromTraceRow(row: Selectable<TracesTable>): TraceSummary {
  const { provider, requested_model: requestedModel } = row
  const attempts = row.attempts ?? usualAttempts(row)
  return {
    id: row.id,
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    gatewayKeyId: row.gateway_key_id,
    traceGroupId: row.trace_group_id,
    threadId: row.thread_id,
    runId: row.run_id,
    startedAtUs: row.started_at_us,
    createdAtUs: row.created_at_us,
    provider: row.provider,
    api: row.api,
    requestedModel: row.requested_model,
    model: row.model,
    requestMethod: row.request_method,
    requestPath: row.request_path,
    responseStatus: row.response_status,
    outcome: row.outcome as Outcome,
    errorCode: row.error_code,
    providerError: row.provider_error,
    streaming: row.streaming === 1,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    totalTokens: row.total_tokens,
    cacheReadInputTokens: row.cache_read_input_tokens,
    cacheCreationInputTokens: row.cache_creation_input_tokens,
    reasoningTokens: row.reasoning_tokens,
    usageSource: row.usage_source as UsageSource,
    costStatus: row.cost_status as CostStatus,
    costNanoUsd: row.cost_nano_usd,
    listPriceNanoUsd: row.list_price_nano_usd,
    latencyMs: row.latency_ms,
    timeToFirstTokenMs: row.time_to_first_token_ms,
    timeToFirstTokenUs: row.time_to_first_token_us,
    finishReason: row.finish_reason,
    upstreamRequestId: row.upstream_request_id,
    correlationId: row.correlation_id,
    apiKeyHash: row.api_key_hash,
    sessionId: row.session_id,
    endUser: row.end_user,
    client: row.client,
    clientVersion: row.client_version,
    agent: row.agent,
    project: row.project,
    tags: row.tags === '' ? {} : (JSON.parse(row.tags) as Record<string, string>),
    consumptionId: row.consumption_id,
    attempts,
    target: row.target ?? usualTarget({ provider, requestedModel }, attempts),
  }
}

/** A whole trace from its rows; without bodies where none are given. */
export function fromRows(
  row: Selectable<TracesTable>,
  document: string,
  bodies?: { readonly request: Uint8Array | null; readonly response: Uint8Array | null },
): Trace {
  const stored = JSON.parse(document) as TraceDocument
  return {
    ...fromTraceRow(row),
    ...stored,
    requestHeaders: shownFields(stored.requestHeaders),
    responseHeaders: shownFields(stored.responseHeaders),
    countedOnce: false,
    requestBody: bodies?.request ?? null,
    responseBody: bodies?.response ?? null,
  }
}

/** Earlier versions knew fewer credentials, so their rows are checked again before they are shown. */
function shownFields(fields: Trace['requestHeaders']): Trace['requestHeaders'] {
  const lower = Object.entries(fields).map(([name, values]) => [name.toLowerCase(), values] as const)
  return storedFields(Object.fromEntries(lower), []).fields
}
