import type { GatewayErrorCode } from '../errors.ts'
import type { Reading } from '../providers/apis/wire-api.ts'
import { modelsOfTarget, type TargetModels } from '../providers/target-models.ts'
import type { Redaction } from '../redaction/redaction.ts'
import type { CountTokens } from '../usage/estimate.ts'
import { includedCost } from '../usage/included-cost.ts'
import { askedNames, type ModelNames } from '../usage/model-names.ts'
import type { ModelRates } from '../usage/model-rates.ts'
import { placeOf } from '../usage/places.ts'
import type { PriceQuery } from '../usage/price-list.ts'
import { inputTokens, outputTokens } from '../usage/usage.ts'
import { readPath } from '../wire/url/path-readings.ts'
import { sendingDetail } from './sending-detail.ts'
import { usualTarget } from './attempts.ts'
import { readAttribution } from './attribution.ts'
import type { ContentReading } from './content-reading.ts'
import type { Exchange } from './exchange.ts'
import { readLineageHeaders } from './lineage-headers.ts'
import { type AttemptPlace, meterAttempts } from './metered-attempts.ts'
import { modelCallOf } from './model-call.ts'
import { meter, type Metering } from './metering.ts'
import { paidBySubscription } from './paid-by-subscription.ts'
import { providerCredential, traceCredential, type CredentialTrace } from './provider-credential.ts'
import { storedContent } from './stored-content.ts'
import { storedFields } from './stored-fields.ts'
import { MAX_WORD_LENGTH, traceDetail } from './trace-detail.ts'
import { metadataOf } from './trace-metadata.ts'
import type { Trace } from './trace.ts'
import { upstreamRequestId } from './upstream-request-id.ts'

/** How to build a trace: policy and prices. */
export interface TracePolicy {
  readonly redaction: Redaction
  readonly maskedRequestFields: readonly string[]
  readonly maskedResponseFields: readonly string[]
  /** Credentials that the settings put into requests. */
  readonly setCredentials: readonly string[]
  findRates(query: PriceQuery): ModelRates | undefined
  countTokens: CountTokens
}

/** Builds the record of a finished exchange. Pure. Credentials go in, only their hashes and last characters come out. */
export function buildTrace(exchange: Exchange, content: ContentReading, policy: TracePolicy): Trace {
  const { wire, caller } = exchange
  const lineage = readLineageHeaders(exchange.requestFields)
  const { key, held, credential } = credentialOf(exchange)
  const requestFields = storedFields(exchange.requestFields, policy.maskedRequestFields)
  const responseFields = storedFields(exchange.responseFields, policy.maskedResponseFields)
  const requestedModel = requestedModelOf(exchange, content)
  const model = modelOf(exchange, content)
  const names = namesOf(exchange, content)
  const { host, path } = addressOf(exchange.upstreamUrl)
  const place = placeOf(path + exchange.path, host)
  const find = ratesFor(exchange, policy)
  const last = meter(exchange, content, {
    model,
    names,
    place,
    count: policy.countTokens,
    find: (asked) =>
      find(asked, { provider: wire.provider, upstreamUrl: exchange.upstreamUrl, dialect: exchange.dialect }),
  })
  const subscription = isIncluded(exchange, held)
  const stored = storedContent(exchange, content, policy.redaction, [key, ...policy.setCredentials])
  const responseId = upstreamRequestId(exchange.responseFields)
  const { metering, stored: attempts } = meterAttempts(
    exchange,
    subscription ? { ...last, cost: includedCost(last.cost) } : last,
    {
      requestedModel,
      upstreamRequestId: responseId,
      error: content.response.error,
      subscription,
      text: (text) => stored.text(text),
      find,
    },
  )
  const { usage, cost } = metering

  const streaming = exchange.streaming || content.streamed
  const ttftUs = streaming && content.firstTokenUs > 0 ? Math.round(content.firstTokenUs) : 0
  const input = inputTokens(usage)
  const output = outputTokens(usage)

  const attribution = readAttribution(exchange.requestFields, content.requestMembers)
  const consumptionId = consumptionIdOf(exchange, content, metering)
  const end = endOf(exchange, content.response)
  const providerError = stored.text(content.response.error ?? '')
  const trace: { -readonly [name in keyof Trace]: Trace[name] } = {
    sessionId: attribution.sessionId,
    endUser: stored.text(attribution.endUser),
    client: attribution.client,
    clientVersion: attribution.clientVersion,
    agent: attribution.agent,
    project: stored.text(attribution.project),
    tags: attribution.tags,
    attempts: exchange.attempts.length,
    target: stored.text(targetOf(exchange, requestedModel)),
    consumptionId,
    countedOnce:
      consumptionId !== '' && (content.api?.fetches === true || content.response.background === true),
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
    requestedModel: stored.text(requestedModel),
    model: stored.text(model),
    requestMethod: exchange.method,
    requestPath: stored.path,
    responseStatus: exchange.status,
    outcome: end.outcome,
    errorCode: end.errorCode,
    providerError,
    streaming,
    inputTokens: input,
    outputTokens: output,
    totalTokens: input + output,
    cacheReadInputTokens: metering.parts.cacheRead,
    cacheCreationInputTokens: metering.parts.cacheCreation,
    reasoningTokens: metering.parts.reasoning,
    usageSource: metering.source,
    costStatus: cost.status,
    costNanoUsd: cost.totalNanoUsd,
    listPriceNanoUsd: cost.listNanoUsd ?? null,
    latencyMs: Math.round(exchange.completedUs / 1000),
    timeToFirstTokenMs: Math.ceil(ttftUs / 1000),
    timeToFirstTokenUs: ttftUs,
    finishReason: stored.text(content.response.finishReason?.slice(0, MAX_WORD_LENGTH) ?? ''),
    upstreamRequestId: responseId,
    correlationId: exchange.correlationId,
    apiKeyHash: credential.hash,
    requestHeaders: requestFields.fields,
    responseHeaders: responseFields.fields,
    requestBody: stored.request,
    responseBody: stored.response,
    metadata: metadataOf(exchange, {
      held,
      streaming,
      lineage,
      credential,
      subscription,
      stored,
      providerError,
      masked: requestFields.maskedValues + responseFields.maskedValues,
    }),
    detail: traceDetail(exchange, content, {
      metering,
      cost,
      model,
      requestedModel,
      names,
      place,
      sending: sendingDetail(exchange, { host, firstTokenUs: ttftUs, attempts }),
      stored,
    }),
  }
  if (exchange.spend) trace.spend = exchange.spend
  if (exchange.span?.context.sampled) trace.modelCall = stored.json(modelCallOf(content))
  return trace
}

/** Whether a subscription pays. @param held name of the gateway's credential; empty for the caller's own */
function isIncluded({ subscription, dialect, status, responseFields }: Exchange, held: string): boolean {
  return paidBySubscription(subscription && held === '', dialect, status, responseFields)
}

/** The target of the last attempt; empty without one. */
function targetOf({ wire: { provider }, attempts }: Exchange, requestedModel: string): string {
  return attempts.at(-1)?.target ?? usualTarget({ provider, requestedModel }, attempts.length)
}

/** Looks up rates for the exchange's caller and time. */
function ratesFor(
  { wire: { api }, caller, startedAtUs }: Exchange,
  policy: TracePolicy,
): (names: ModelNames, place: AttemptPlace) => ModelRates | undefined {
  const { organizationId, workspaceId, keyId } = caller
  const at = startedAtUs / 1000
  return (names, place) => policy.findRates({ ...place, api, organizationId, workspaceId, keyId, names, at })
}

/** The requested model: from the content, else from the path or query. Empty for none. */
function requestedModelOf(exchange: Exchange, { requestModel }: ContentReading): string {
  return (requestModel ?? exchange.routeModel).slice(0, MAX_MODEL_LENGTH)
}

/** The responding model, else the requested one, else `unknown`. */
export function modelOf(exchange: Exchange, content: ContentReading): string {
  const asked = exchange.targetModel || requestedModelOf(exchange, content)
  return content.response.model?.slice(0, MAX_MODEL_LENGTH) ?? (asked === '' ? 'unknown' : asked)
}

/** The exchange's names for its model, to look up its price. */
function namesOf(
  { path, routeModel, targetModel }: Exchange,
  { requestModel, response }: ContentReading,
): ModelNames {
  // Most targets name none, and need not be read.
  if (routeModel === '' && targetModel === '' && requestModel && response.model)
    return {
      requested: requestModel.slice(0, MAX_MODEL_LENGTH),
      answered: response.model.slice(0, MAX_MODEL_LENGTH),
    }
  const target = routeModel === '' ? NO_TARGET : modelsOfTarget(readPath(path), '')
  const inPath = target.path || target.deployment
  const asked =
    targetModel === ''
      ? askedNames({ ...target, query: inPath ? [] : [routeModel] }, requestModel)
      : askedNames(NO_TARGET, targetModel)
  return response.model ? { ...asked, answered: response.model.slice(0, MAX_MODEL_LENGTH) } : asked
}

const NO_TARGET: TargetModels = { path: '', deployment: '', query: [], all: [] }

/** Longest stored model name. */
const MAX_MODEL_LENGTH = 256

/** Identifies consumption that may be fetched again: by the response's id, or by the file of results. */
function consumptionIdOf(
  { wire, path }: Exchange,
  { api, response }: ContentReading,
  { bills }: Metering,
): string {
  if (bills.length === 0) return ''
  if (api?.lines) {
    const id = /\/(?:files|batches)\/([^/:]+)(?:\/content|\/results|:download)$/.exec(path)?.[1]
    return id === undefined ? '' : `${wire.provider}:${id}`.slice(0, 256)
  }
  const { responseId, stored } = response
  return responseId === undefined || !stored ? '' : `${wire.provider}:${responseId}`.slice(0, 256)
}

/**
 * How the exchange ended. Clients stop reading at the response's own end mark and close the connection before the
 * stream ends: a complete response is completed, whichever side closed first. A response that reports a failure has
 * failed, even with a success status.
 */
function endOf(exchange: Exchange, response: Reading): Pick<Trace, 'outcome' | 'errorCode'> {
  const { outcome, errorCode, status } = exchange
  if (outcome !== 'completed' && outcome !== 'client_aborted') return { outcome, errorCode }
  if (response.error !== undefined && status < 400)
    return { outcome: 'upstream_failed', errorCode: 'upstream_error' satisfies GatewayErrorCode }
  const whole = response.complete === true && (response.usage !== undefined || response.bills.length > 0)
  return whole ? { outcome: 'completed', errorCode: '' } : { outcome, errorCode }
}

/** The credential of an exchange: what its caller sent, and what is stored about what the provider got. */
interface ExchangeCredential {
  /** The caller's own; empty for none. It may be repeated by content, wherever it went. */
  readonly key: string
  /** Name of the gateway's, if that was sent instead; empty otherwise. */
  readonly held: string
  readonly credential: CredentialTrace
}

function credentialOf({ requestFields, credentialField, queryKey, attempts }: Exchange): ExchangeCredential {
  const key = providerCredential(requestFields, credentialField, queryKey)
  const held = attempts.at(-1)?.credential ?? ''
  return { key, held, credential: traceCredential(held === '' ? key : '') }
}

/** Where an upstream is; its path may name a place. Texts are empty for none. */
interface Address {
  readonly host: string
  /** Without trailing slash. */
  readonly path: string
}

/** Caches the addresses of the few upstreams. Parsing a URL for every trace would cost more. */
const ADDRESSES = new Map<string, Address>()

function addressOf(url: string): Address {
  let address = ADDRESSES.get(url)
  if (address === undefined) {
    const { host, pathname } = URL.canParse(url) ? new URL(url) : { host: '', pathname: '' }
    address = { host, path: pathname.replace(/\/+$/, '') }
    ADDRESSES.set(url, address)
  }
  return address
}
