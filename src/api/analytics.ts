import { quote } from '../config/scalar.ts'
import { jsonResponse } from '../http/json-response.ts'
import { given } from '../json-field.ts'
import { formatTime } from '../rfc3339.ts'
import type { Bucket, Group } from '../storage/rollups/question.ts'
import type { Measured, MeasuredRow, MeasureOptions, TraceFilter } from '../storage/storage.ts'
import { nanoToUsd } from '../usage/money.ts'
import type { ApiContext, ApiHandler, ApiRequest } from './api-context.ts'
import { average, errorsJson, latencyJson } from './measure-json.ts'
import { badRequest, QueryParameters } from './query-parameters.ts'
import { readerOf } from './read-scope.ts'
import { storeFailing } from './store-failing.ts'
import { readCommonFilter, readRange } from './trace-filter.ts'

/** Groups of a list unless it is asked for fewer or more, and at most. */
const DEFAULT_GROUPS = 1000
const MAX_GROUPS = 10_000

/** Traces that one question may read one by one: about a second's work. */
const MAX_TRACES = 100_000

/** What sums may be grouped by, besides `tag.<key>`. */
const GROUPS: ReadonlySet<string> = new Set<Group>([
  'provider',
  'model',
  'route',
  'key',
  'session',
  'end_user',
  'client',
  'workspace',
])

const BUCKETS: ReadonlySet<string> = new Set<Bucket>(['hour', 'day', 'week'])

/** `GET /api/analytics/usage`: tokens, in all or as a series. */
export const getUsage: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuestion(request)
  const series = readSeries(parameters)
  const tokens = (row: MeasuredRow): object => ({
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    total_tokens: row.totalTokens,
    cache_read_input_tokens: row.cacheReadInputTokens,
    cache_creation_input_tokens: row.cacheCreationInputTokens,
    reasoning_tokens: row.reasoningTokens,
    request_count: row.requests,
  })
  if (series) return seriesResponse(await ask(request, context, filter, series), series, tokens)
  const { rows } = await ask(request, context, filter, {})
  const [row] = rows as [MeasuredRow]
  return jsonResponse(200, {
    total_input_tokens: row.inputTokens,
    total_output_tokens: row.outputTokens,
    total_tokens: row.totalTokens,
    cache_read_input_tokens: row.cacheReadInputTokens,
    cache_creation_input_tokens: row.cacheCreationInputTokens,
    reasoning_tokens: row.reasoningTokens,
    request_count: row.requests,
  })
}

/** `GET /api/analytics/cost`: money, in all or as a series. */
export const getCost: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuestion(request)
  const series = readSeries(parameters)
  if (series) return seriesResponse(await ask(request, context, filter, series), series, costJson)
  const { rows } = await ask(request, context, filter, {})
  return jsonResponse(200, costJson(rows[0]!))
}

/** `GET /api/analytics/models`: what each model was used for. */
export const getModels: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuestion(request)
  const options = { group: 'model', limit: readLimit(parameters) } as const
  return listResponse(await ask(request, context, filter, options), (row) => ({
    model: row.group,
    request_count: row.requests,
    avg_latency_ms: average(row.latencyMs, row),
    avg_ttft_ms: average(row.timeToFirstTokenMs, row),
    total_tokens: row.totalTokens,
    total_cost_usd: nanoToUsd(row.costNanoUsd),
    unknown_cost_requests: row.unknownCostRequests,
    estimated_cost_requests: row.estimatedCostRequests,
  }))
}

/** `GET /api/analytics/keys`: what each provider key was used for, by its hash. */
export const getKeys: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuestion(request)
  const options = { group: 'api_key', limit: readLimit(parameters) } as const
  return listResponse(await ask(request, context, filter, options), (row) => ({
    api_key_hash: row.group,
    request_count: row.requests,
    total_tokens: row.totalTokens,
    total_cost_usd: nanoToUsd(row.costNanoUsd),
    unknown_cost_requests: row.unknownCostRequests,
    estimated_cost_requests: row.estimatedCostRequests,
    last_active_at: formatTime(row.lastCreatedAtUs),
  }))
}

/** `GET /api/analytics/latency`: how long exchanges took. */
export const getLatency: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuestion(request)
  const group = readGroup(parameters)
  const options = { ...group, limit: readLimit(parameters), percentiles: true }
  return listResponse(
    await ask(request, context, filter, options),
    (row) => ({
      ...given('group', row.group),
      ...latencyJson(row),
    }),
    group,
  )
}

/** `GET /api/analytics/errors`: how many exchanges ended with a status of an error. */
export const getErrors: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuestion(request)
  const group = readGroup(parameters)
  return listResponse(
    await ask(request, context, filter, { ...group, limit: readLimit(parameters) }),
    (row) => ({
      ...given('group', row.group),
      ...errorsJson(row),
    }),
    group,
  )
}

/** `GET /api/analytics/summary`: all of it in one line. */
export const getSummary: ApiHandler = async (request, context) => {
  const { filter } = readQuestion(request)
  const [all, models, keys] = await Promise.all([
    ask(request, context, filter, {}),
    ask(request, context, filter, { group: 'model', limit: 1 }),
    ask(request, context, filter, { group: 'api_key' }),
  ])
  const [row] = all.rows as [MeasuredRow]
  return jsonResponse(200, {
    total_requests: row.requests,
    total_input_tokens: row.inputTokens,
    total_output_tokens: row.outputTokens,
    total_tokens: row.totalTokens,
    total_cost_usd: nanoToUsd(row.costNanoUsd),
    active_keys: keys.rows.length,
    ...given('top_model', models.rows[0]?.group ?? ''),
    unknown_cost_requests: row.unknownCostRequests,
    estimated_cost_requests: row.estimatedCostRequests,
    unmetered_requests: row.unmeteredRequests,
  })
}

interface Series extends MeasureOptions {
  readonly bucket: Bucket
  readonly limit: number
}

function readQuestion({ query }: ApiRequest): { parameters: QueryParameters; filter: TraceFilter } {
  const parameters = new QueryParameters(query)
  return { parameters, filter: { ...readRange(parameters), ...readCommonFilter(parameters) } }
}

/** A series when it is asked for a group or a bucket; by day unless it says otherwise. */
function readSeries(parameters: QueryParameters): Series | undefined {
  const group = readGroup(parameters)
  const bucket = parameters.text('bucket')?.toLowerCase()
  if (bucket !== undefined && !BUCKETS.has(bucket)) throw badRequest(`invalid bucket: ${quote(bucket)}`)
  const limit = readLimit(parameters)
  if (group.group === undefined && bucket === undefined) return undefined
  return { ...group, bucket: (bucket as Bucket | undefined) ?? 'day', limit }
}

function readGroup(parameters: QueryParameters): { readonly group?: Group } {
  const text = parameters.text('group_by')
  const word = text?.toLowerCase()
  if (text === undefined || word === undefined || word === 'none') return {}
  // Tags keep the case of their names.
  if (word.startsWith('tag.') && word.length > 'tag.'.length)
    return { group: `tag.${text.slice('tag.'.length)}` }
  if (!GROUPS.has(word)) throw badRequest(`invalid group_by: ${quote(word)}`)
  return { group: word as Group }
}

function readLimit(parameters: QueryParameters): number {
  return parameters.integer('limit', 1, MAX_GROUPS) ?? DEFAULT_GROUPS
}

async function ask(
  request: ApiRequest,
  context: ApiContext,
  filter: TraceFilter,
  options: MeasureOptions,
): Promise<Measured> {
  const reader = await readerOf(request, context)
  return storeFailing('failed to read analytics', () =>
    reader.measure(filter, { ...options, maxTraces: MAX_TRACES }),
  )
}

function listResponse(
  { rows, more }: Measured,
  show: (row: MeasuredRow) => object,
  { group }: { readonly group?: Group } = {},
): Response {
  const items = rows.filter((row) => row.requests > 0).map(show)
  return jsonResponse(200, { ...given('group_by', group ?? ''), items, ...(more ? { truncated: true } : {}) })
}

function seriesResponse(
  { rows, more }: Measured,
  { group, bucket }: Series,
  show: (row: MeasuredRow) => object,
): Response {
  return jsonResponse(200, {
    ...given('group_by', group ?? ''),
    bucket,
    items: rows.map((row) => ({
      bucket_start: formatTime(row.bucketStartUs),
      ...given('group', row.group),
      ...show(row),
    })),
    ...(more ? { truncated: true } : {}),
  })
}

/** Sums that leave requests of unknown cost out say how many there are; the average is over the others. */
function costJson(row: MeasuredRow): object {
  const known = row.requests - row.unknownCostRequests
  return {
    total_cost_usd: nanoToUsd(row.costNanoUsd),
    request_count: row.requests,
    avg_cost_usd: known === 0 ? 0 : nanoToUsd(row.costNanoUsd) / known,
    unknown_cost_requests: row.unknownCostRequests,
    estimated_cost_requests: row.estimatedCostRequests,
  }
}
