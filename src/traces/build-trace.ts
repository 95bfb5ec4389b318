import type { Reading, WireApi } from '../providers/apis/wire-api.ts'
import { NO_COST, priceUsage, unknown, type Cost } from '../usage/cost.ts'
import { estimateTokens, requestCharacters } from '../usage/estimate.ts'
import { nanoToUsd } from '../usage/money.ts'
import type { ModelRates } from '../usage/price-list.ts'
import {
  addUsage,
  cacheCreationTokens,
  inputTokens,
  outputTokens,
  type ModelUsage,
  type Usage,
} from '../usage/usage.ts'
import type { Exchange, Outcome } from './exchange.ts'
import { readLineageHeaders, type LineageHeaders } from './lineage-headers.ts'
import { traceCredential, type CredentialTrace } from './provider-credential.ts'
import { storedFields } from './stored-fields.ts'
import type { Trace, UsageSource } from './trace.ts'
import type { JsonObject } from '../providers/json.ts'

/** What was read of the content while it passed. */
export interface ContentReading {
  readonly api: WireApi | undefined
  readonly requestModel: string | undefined
  /** The parsed request, when it was small enough; estimates read its text. */
  readonly request: JsonObject | undefined
  readonly response: Reading
  /** Offset of the first generated content of a stream; -1 when none came. */
  readonly firstTokenUs: number
  readonly notes: readonly string[]
  readonly requestBody: CapturedBody | undefined
  readonly responseBody: CapturedBody | undefined
}

/** A captured body; absent altogether when bodies are not captured. */
export interface CapturedBody {
  readonly bytes: Uint8Array
  readonly truncated: boolean
}

/** How a trace is to be built: policy and prices. */
export interface TracePolicy {
  readonly redactionMode: 'off' | 'redact_storage'
  readonly redactionPolicyId: string
  readonly maskedRequestFields: readonly string[]
  readonly maskedResponseFields: readonly string[]
  findRates(model: string, at: number): ModelRates | undefined
}

/** Builds the record of a finished exchange. Pure: credentials go in, only their traces come out. */
export function buildTrace(exchange: Exchange, content: ContentReading, policy: TracePolicy): Trace {
  const { wire, caller } = exchange
  const lineage = readLineageHeaders(exchange.requestFields)
  const credential = traceCredential(exchange.requestFields, exchange.credentialField, exchange.queryKey)
  const requestFields = storedFields(exchange.requestFields, policy.maskedRequestFields)
  const responseFields = storedFields(exchange.responseFields, policy.maskedResponseFields)
  const requestedModel = content.requestModel ?? ''
  const model = content.response.model ?? (requestedModel === '' ? 'unknown' : requestedModel)
  const metering = meter(exchange, content, model, (name) =>
    policy.findRates(name, exchange.startedAtUs / 1000),
  )
  const { usage, cost } = metering

  const ttftUs = exchange.streaming && content.firstTokenUs > 0 ? Math.round(content.firstTokenUs) : 0
  const bodies = storedBodies(content, policy.redactionMode)
  const notes = [...content.notes, ...metering.notes]
  const input = inputTokens(usage)
  const output = outputTokens(usage)

  return {
    id: exchange.id,
    traceGroupId: lineage.groupId,
    threadId: lineage.threadId,
    runId: lineage.runId,
    organizationId: caller.organizationId,
    workspaceId: caller.workspaceId,
    gatewayKeyId: caller.keyId,
    startedAtUs: exchange.startedAtUs,
    createdAtUs: exchange.startedAtUs + Math.round(exchange.completedUs),
    provider: wire.provider,
    api: wire.api,
    requestedModel,
    model,
    requestMethod: exchange.method,
    requestPath: exchange.path,
    responseStatus: exchange.status,
    outcome: outcomeOf(exchange, content.response),
    errorCode: exchange.errorCode,
    streaming: exchange.streaming,
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    cacheReadInputTokens: metering.parts.cacheRead,
    cacheCreationInputTokens: metering.parts.cacheCreation,
    reasoningTokens: metering.parts.reasoning,
    usageSource: metering.source,
    costStatus: cost.status,
    costNanoUsd: cost.totalNanoUsd,
    latencyMs: Math.round(exchange.completedUs / 1000),
    timeToFirstTokenMs: Math.ceil(ttftUs / 1000),
    timeToFirstTokenUs: ttftUs,
    finishReason: content.response.finishReason ?? '',
    upstreamRequestId: upstreamRequestId(exchange.responseFields),
    correlationId: exchange.correlationId,
    apiKeyHash: credential.hash,
    requestHeaders: requestFields.fields,
    responseHeaders: responseFields.fields,
    requestBody: bodies.request,
    responseBody: bodies.response,
    metadata: metadataOf(exchange, content, policy, {
      lineage,
      credential,
      bodies: bodies.metadata,
      masked: requestFields.maskedValues + responseFields.maskedValues,
    }),
    detail: {
      usage: {
        buckets: usage,
        ...(content.response.usage ? { raw: content.response.usage } : {}),
        ...(notes.length > 0 ? { notes } : {}),
      },
      cost: {
        status: cost.status,
        total_usd: cost.totalNanoUsd === null ? null : nanoToUsd(cost.totalNanoUsd),
        price_list: cost.priceList,
        lines: cost.lines,
        ...(cost.note === undefined ? {} : { note: cost.note }),
      },
      timing: {
        received_us: 0,
        ...(exchange.upstreamFirstByteUs >= 0
          ? { upstream_first_byte_us: Math.round(exchange.upstreamFirstByteUs) }
          : {}),
        ...(ttftUs > 0 ? { first_token_us: ttftUs } : {}),
        completed_us: Math.round(exchange.completedUs),
      },
      upstream: { url_host: hostOf(exchange.upstreamUrl), attempts: exchange.attempts },
    },
  }
}

/**
 * How the exchange ended. Clients stop reading at the answer's own end mark and close the connection before the
 * stream's: an answer that was wholly given is completed, whoever hung up first.
 */
function outcomeOf(exchange: Exchange, response: Reading): Outcome {
  const whole = response.complete === true && response.usage !== undefined
  return exchange.outcome === 'client_aborted' && whole ? 'completed' : exchange.outcome
}

interface MetadataParts {
  readonly lineage: LineageHeaders
  readonly credential: CredentialTrace
  readonly bodies: Readonly<Record<string, unknown>>
  readonly masked: number
}

/** The open part of the record, under the contract's keys. */
function metadataOf(
  exchange: Exchange,
  content: ContentReading,
  policy: TracePolicy,
  { lineage, credential, bodies, masked }: MetadataParts,
): Record<string, unknown> {
  const { caller, wire } = exchange
  const metadata: Record<string, unknown> = {
    streaming: exchange.streaming,
    stream_chunks: exchange.streaming ? exchange.responseChunks : 0,
    redaction_mode: policy.redactionMode,
    redaction_policy_id: policy.redactionPolicyId,
    redaction_applied: false,
    headers_masked: masked,
    lineage_checkpoint_id: exchange.id,
    lineage_immutable: true,
    correlation_id: exchange.correlationId,
  }
  const give = (name: string, value: string): void => {
    if (value !== '') metadata[name] = value
  }
  Object.assign(metadata, bodies)
  give('lineage_group_id', lineage.groupId)
  give('lineage_thread_id', lineage.threadId)
  give('lineage_run_id', lineage.runId)
  give('lineage_parent_checkpoint_id', lineage.parentCheckpointId)
  if (lineage.checkpointSeq !== undefined) metadata['lineage_checkpoint_seq'] = lineage.checkpointSeq
  give('api_key_last4', credential.last4)
  if (caller.keyId !== '') {
    give('gateway_key_id', caller.keyId)
    give('team', caller.team)
    give('role', caller.role)
    give('org_id', caller.organizationId)
    give('workspace_id', caller.workspaceId)
  }
  if (wire.api === '' && !exchange.free && exchange.outcome !== 'refused') metadata['unmetered'] = true
  give('response_error', content.response.error ?? '')
  return metadata
}

interface Metering {
  readonly usage: Usage
  readonly source: UsageSource
  readonly cost: Cost
  readonly notes: readonly string[]
  /** Parts of input and output as the provider reports them. */
  readonly parts: NonNullable<ModelUsage['reported']>
}

const NO_PARTS = { cacheRead: 0, cacheCreation: 0, reasoning: 0 }

function partsOf(usages: readonly ModelUsage[]): Metering['parts'] {
  const sum = { ...NO_PARTS }
  for (const { usage, reported } of usages) {
    sum.cacheRead += reported?.cacheRead ?? usage.cache_read ?? 0
    sum.cacheCreation += reported?.cacheCreation ?? cacheCreationTokens(usage)
    sum.reasoning += reported?.reasoning ?? usage.reasoning ?? 0
  }
  return sum
}

function meter(
  exchange: Exchange,
  content: ContentReading,
  model: string,
  find: (model: string) => ModelRates | undefined,
): Metering {
  const nothing = { usage: {}, source: 'none', notes: [], parts: NO_PARTS } as const
  const { response, api } = content
  if (exchange.outcome === 'refused' || exchange.free) return { ...nothing, cost: NO_COST }
  if (!api) {
    if (exchange.status >= 400 && exchange.outcome === 'completed') return { ...nothing, cost: NO_COST }
    return { ...nothing, cost: unknown('this API is not metered') }
  }
  if (response.usage || response.earlier) return meterReported(exchange, content, api, model, find)
  if (exchange.status >= 400 && exchange.outcome === 'completed') return { ...nothing, cost: NO_COST }
  if (response.error !== undefined && response.outputCharacters === 0) {
    return { ...nothing, cost: unknown('the answer failed and reports no usage') }
  }
  if (exchange.upstreamFirstByteUs < 0) {
    const never =
      exchange.errorCode === 'upstream_unreachable' || exchange.errorCode === 'upstream_connect_timeout'
    if (never) return { ...nothing, cost: NO_COST }
    return {
      ...nothing,
      cost: unknown('the exchange ended before an answer; the provider may have billed it'),
    }
  }
  return meterEstimated(exchange, content, model, find)
}

function meterReported(
  exchange: Exchange,
  { response }: ContentReading,
  api: WireApi,
  model: string,
  find: (model: string) => ModelRates | undefined,
): Metering {
  const notes: string[] = []
  const usages: ModelUsage[] = (response.earlier ?? []).flatMap((earlier) =>
    api.readUsage(earlier.usage, notes).map((entry) => ({
      ...entry,
      ...(entry.model === undefined && earlier.model !== undefined ? { model: earlier.model } : {}),
    })),
  )
  if (response.usage) usages.push(...api.readUsage(response.usage, notes))
  const cut = response.complete !== true && exchange.streaming
  if (cut && response.outputCharacters > 0) raiseOutput(usages, response.outputCharacters, notes)
  const usage = usages.reduce<Usage>((sum, entry) => addUsage(sum, entry.usage), {})
  const reportedUsd = response.usage && !response.earlier ? api.readCostUsd(response.usage) : undefined
  const cost = priceUsage({ model, usages, serviceTier: response.serviceTier, reportedUsd, find })
  const parts = partsOf(usages)
  if (!cut || cost.status === 'unknown') return { usage, source: 'reported', cost, notes, parts }
  const note = [cost.note, 'the stream was cut; output is counted up to the cut'].filter(Boolean).join('; ')
  return {
    usage,
    source: notes.length > 0 ? 'estimated' : 'reported',
    cost: { ...cost, status: 'estimated', note },
    notes,
    parts,
  }
}

/** A stream that was cut reports the output of its beginning only; what was seen since is estimated. */
function raiseOutput(usages: ModelUsage[], characters: number, notes: string[]): void {
  const last = usages.at(-1)
  if (!last) return
  const seen = estimateTokens(characters)
  const said = outputTokens(last.usage)
  if (seen <= said) return
  const more = seen - said
  usages[usages.length - 1] = {
    ...last,
    usage: { ...last.usage, output_text: (last.usage.output_text ?? 0) + more },
  }
  notes.push(`output raised by ${more} tokens to what was seen of the stream`)
}

/** An answer without usage: the text that was read and written, by a documented ratio. */
function meterEstimated(
  exchange: Exchange,
  { request, response, api }: ContentReading,
  model: string,
  find: (model: string) => ModelRates | undefined,
): Metering {
  if (!request) {
    return {
      usage: {},
      source: 'none',
      cost: unknown('the answer reports no usage and the request was too large to estimate'),
      notes: [],
      parts: NO_PARTS,
    }
  }
  const output = api?.operation === 'embeddings' ? 0 : estimateTokens(response.outputCharacters)
  const usage: Usage = {
    input_uncached: estimateTokens(requestCharacters(request)),
    ...(output > 0 ? { output_text: output } : {}),
  }
  const cost = priceUsage({ model, usages: [{ usage }], serviceTier: response.serviceTier, find })
  const why =
    exchange.outcome === 'completed' ? 'the answer reports no usage' : 'the answer was cut before its usage'
  if (cost.status === 'unknown') return { usage, source: 'estimated', cost, notes: [why], parts: NO_PARTS }
  const note = [cost.note, `${why}; estimated from the text`].filter(Boolean).join('; ')
  return {
    usage,
    source: 'estimated',
    cost: { ...cost, status: 'estimated', note },
    notes: [],
    parts: NO_PARTS,
  }
}

/**
 * Bodies for storage. Until detectors are available, a policy that asks for redaction keeps none: a body is
 * stored as it was, or not at all.
 */
function storedBodies(
  content: ContentReading,
  mode: 'off' | 'redact_storage',
): { request: Uint8Array | null; response: Uint8Array | null; metadata: Record<string, unknown> } {
  const { requestBody, responseBody } = content
  const some = (requestBody?.bytes.length ?? 0) + (responseBody?.bytes.length ?? 0) > 0
  if (mode !== 'off') {
    const dropped = {
      redaction_storage_drop: true,
      redaction_failure_semantics: 'storage_drop_continue_proxy',
    }
    return { request: null, response: null, metadata: some ? dropped : {} }
  }
  return {
    request: requestBody && requestBody.bytes.length > 0 ? requestBody.bytes : null,
    response: responseBody && responseBody.bytes.length > 0 ? responseBody.bytes : null,
    metadata: {
      ...(requestBody?.truncated ? { request_body_truncated: true } : {}),
      ...(responseBody?.truncated ? { response_body_truncated: true } : {}),
    },
  }
}

/** Names under which providers return their own id of a request, most specific first. */
const REQUEST_ID_FIELDS = ['x-request-id', 'request-id', 'apim-request-id', 'x-amzn-requestid', 'cf-ray']

function upstreamRequestId(fields: Readonly<Record<string, string | readonly string[]>>): string {
  for (const name of REQUEST_ID_FIELDS) {
    const value = fields[name]
    const first = typeof value === 'string' ? value : value?.[0]
    if (first) return first.slice(0, 256)
  }
  return ''
}

/** Hosts of the few upstreams there are; parsing a URL for every trace would cost more than the look-up. */
const HOSTS = new Map<string, string>()

function hostOf(url: string): string {
  let host = HOSTS.get(url)
  if (host === undefined) {
    host = URL.canParse(url) ? new URL(url).host : ''
    HOSTS.set(url, host)
  }
  return host
}
