import { usualTarget } from '../../traces/attempts.ts'
import { isCredentialName } from '../../redaction/credential-name.ts'
import { shownPath } from '../../redaction/paths.ts'
import { REDACTED, withoutCredentials } from '../../redaction/without-credentials.ts'
import { NO_ATTRIBUTION } from '../../traces/attribution.ts'
import { metadataText } from '../../traces/lineage.ts'
import { paidBySubscription } from '../../traces/paid-by-subscription.ts'
import { storedFields } from '../../traces/stored-fields.ts'
import type { Trace, TraceCost } from '../../traces/trace.ts'
import { nanoToUsd, toNanoUsd, usdAmount } from '../../usage/money.ts'
import type { GoTraceRow } from './go-source.ts'
import { parseGoTime } from './go-time.ts'

/** A row that cannot be brought over, and why. */
export interface UnreadableRow {
  readonly id: string
  readonly reason: string
}

/** Note on receipts that the Go gateway made. */
const COST_NOTE = 'as the Go gateway estimated it'

/**
 * A trace from a row of the Go gateway: id, times, lineage, metadata, tokens and cost as they were. Its time stays the one
 * that it was sorted and summed by, though that was the end of the exchange. Where the response names a subscription's limits, the
 * cost becomes the list price.
 *
 * @param masked lower-case names of header fields that are masked if the Go gateway kept them open
 */
export function importedTrace(row: GoTraceRow, masked: readonly string[]): Trace | UnreadableRow {
  const id = row.id || `go-${row.position}`
  const times = readTimes(row)
  if ('reason' in times) return { id, reason: times.reason }
  const { metadata, strange } = readMetadata(row.metadata)
  const requestHeaders = readHeaders(row.request_headers, masked)
  const responseHeaders = readHeaders(row.response_headers, masked)
  const numbers = readNumbers(row)
  if ('reason' in numbers) return { id, reason: numbers.reason }
  const { input, output, latencyMs, ttftMs, ttftUs, cost } = numbers
  const counted = input + output > 0
  const status = row.response_status ?? 0
  const included =
    counted &&
    row.provider === 'anthropic' &&
    paidBySubscription(false, 'anthropic', status, responseHeaders.fields)
  const receipt = receiptOf(cost, included)
  const model = row.model || 'unknown'
  return {
    ...NO_ATTRIBUTION,
    id,
    traceGroupId: row.trace_group_id || metadataText(metadata, 'lineage_group_id'),
    threadId: metadataText(metadata, 'lineage_thread_id'),
    runId: metadataText(metadata, 'lineage_run_id'),
    organizationId: row.org_id || 'default',
    workspaceId: row.workspace_id || 'default',
    gatewayKeyId: row.gateway_key_id || metadataText(metadata, 'gateway_key_id'),
    ...times,
    provider: row.provider || 'unknown',
    api: '',
    requestedModel: row.model || '',
    model,
    requestMethod: row.request_method || 'UNKNOWN',
    requestPath: shownPath(row.request_path || '/', undefined).path,
    responseStatus: status,
    outcome: 'completed',
    errorCode: '',
    providerError: '',
    streaming: ttftUs > 0,
    inputTokens: input,
    outputTokens: output,
    totalTokens: row.total_tokens || input + output,
    cacheReadInputTokens: 0,
    cacheCreationInputTokens: 0,
    reasoningTokens: 0,
    usageSource: counted || (row.total_tokens ?? 0) > 0 ? 'reported' : 'none',
    costStatus: receipt.status,
    costNanoUsd: included ? 0 : cost,
    listPriceNanoUsd: included ? cost : null,
    latencyMs,
    timeToFirstTokenMs: ttftMs,
    timeToFirstTokenUs: ttftUs,
    finishReason: '',
    upstreamRequestId: '',
    correlationId: metadataText(metadata, 'correlation_id'),
    apiKeyHash: row.api_key_hash ?? '',
    consumptionId: '',
    attempts: 1,
    target: usualTarget({ provider: row.provider || 'unknown', requestedModel: row.model || '' }, 1),
    countedOnce: false,
    requestHeaders: requestHeaders.fields,
    responseHeaders: responseHeaders.fields,
    requestBody: row.request_body ? Buffer.from(row.request_body) : null,
    responseBody: row.response_body ? Buffer.from(row.response_body) : null,
    metadata: { ...metadata, ...strange, ...strangeHeaders(requestHeaders, responseHeaders) },
    detail: detailOf(numbers, receipt),
  }
}

/** The Go gateway's estimate as a receipt; the list price if a subscription paid. */
function receiptOf(costNanoUsd: number, included: boolean): TraceCost {
  const usd = nanoToUsd(costNanoUsd)
  return {
    ...(included
      ? { status: 'included', total_usd: 0, list_price_usd: usd }
      : { status: 'estimated', total_usd: usd }),
    price_list: 'imported',
    lines: [],
    note: COST_NOTE,
  }
}

function detailOf({ input, output, latencyMs, ttftUs }: Numbers, cost: TraceCost): Trace['detail'] {
  return {
    usage: { buckets: input + output > 0 ? { input_uncached: input, output_text: output } : {} },
    cost,
    timing: {
      received_us: 0,
      completed_us: latencyMs * 1000,
      ...(ttftUs > 0 ? { first_token_us: ttftUs } : {}),
    },
    upstream: { url_host: '', attempts: 0 },
  }
}

/** Header fields that are no header fields, as metadata. */
function strangeHeaders(
  request: ReturnType<typeof readHeaders>,
  response: ReturnType<typeof readHeaders>,
): Record<string, unknown> {
  return {
    ...(request.strange === undefined ? {} : { imported_request_headers: request.strange }),
    ...(response.strange === undefined ? {} : { imported_response_headers: response.strange }),
  }
}

function readTimes(
  row: GoTraceRow,
): { readonly startedAtUs: number; readonly createdAtUs: number } | { readonly reason: string } {
  const [timestamp, createdAt] = [row.timestamp?.trim() ?? '', row.created_at?.trim() ?? '']
  const startedAtUs = parseGoTime(timestamp || createdAt)
  const createdAtUs = parseGoTime(createdAt || timestamp)
  if (startedAtUs === undefined) return { reason: `timestamp ${JSON.stringify(timestamp)} is not a time` }
  if (createdAtUs === undefined) return { reason: `created_at ${JSON.stringify(createdAt)} is not a time` }
  return { startedAtUs, createdAtUs }
}

interface Numbers {
  readonly input: number
  readonly output: number
  readonly latencyMs: number
  readonly ttftMs: number
  readonly ttftUs: number
  /** Nano-USD. */
  readonly cost: number
}

function readNumbers(row: GoTraceRow): Numbers | { readonly reason: string } {
  const usd = row.estimated_cost_usd ?? 0
  const whole = {
    input: row.input_tokens ?? 0,
    output: row.output_tokens ?? 0,
    latencyMs: row.latency_ms ?? 0,
    ttftMs: row.time_to_first_token_ms ?? 0,
    ttftUs: row.time_to_first_token_us ?? 0,
  }
  const bad = Object.entries(whole).find(([, value]) => !Number.isSafeInteger(value) || value < 0)
  if (bad) return { reason: `${bad[0]} is not a whole number: ${JSON.stringify(bad[1])}` }
  if (!Number.isFinite(usd) || usd < 0 || usd > 1e6) {
    return { reason: `estimated_cost_usd is not an amount: ${JSON.stringify(row.estimated_cost_usd)}` }
  }
  return {
    ...whole,
    ttftMs: whole.ttftMs || Math.ceil(whole.ttftUs / 1000),
    ttftUs: whole.ttftUs || whole.ttftMs * 1000,
    cost: toNanoUsd(usdAmount(usd)),
  }
}

function readMetadata(text: string | null): {
  metadata: Record<string, unknown>
  strange: Record<string, string>
} {
  if (text === null || text.trim() === '') return { metadata: {}, strange: {} }
  const value = parseJson(text)
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return { metadata: value as Record<string, unknown>, strange: {} }
  }
  return { metadata: {}, strange: { raw: strangeText(text) } }
}

/** Header fields by name, credentials masked. A text that holds no header fields is kept as `strange`. */
function readHeaders(
  text: string | null,
  masked: readonly string[],
): { fields: Trace['requestHeaders']; strange?: string } {
  if (text === null || text.trim() === '') return { fields: {} }
  const value = parseJson(text)
  if (value === null) return { fields: {} }
  if (typeof value !== 'object' || Array.isArray(value)) return { fields: {}, strange: strangeText(text) }
  const fields: Record<string, string[]> = {}
  for (const [name, content] of Object.entries(value as Record<string, unknown>)) {
    fields[name.toLowerCase()] = Array.isArray(content) ? content.map(String) : [String(content)]
  }
  return { fields: storedFields(fields, masked).fields }
}

/** A text of unknown form is kept when nothing in it is named like a credential. */
function strangeText(text: string): string {
  const named = text.match(/[\w-]+/g)?.some((word) => isCredentialName(word)) === true
  return named ? REDACTED : withoutCredentials(text)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
