import { quote } from '../config/scalar.ts'
import { jsonResponse } from '../http/json-response.ts'
import { defined } from '../presentation/defined.ts'
import { average, costSumsJson, errorsJson, latencyJson } from '../presentation/measure-json.ts'
import type { Bucket, Group, MeasureOptions, Measured, MeasuredRow } from '../storage/contract/analytics.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import { formatTime } from '../time/rfc3339.ts'
import { nanoToUsd } from '../usage/money.ts'
import { given } from '../wire/json/json-field.ts'
import type { ApiContext, ApiHandler, ApiRequest } from './api-context.ts'
import { type QueryParameters, invalidParameter } from './query-parameters.ts'
import { readerOf } from './read-scope.ts'
import { storeFailing } from './store-failing.ts'
import { FILTER_PARAMETERS, RANGE_PARAMETERS, readCommonFilter, readRange } from './trace-filter.ts'

/** Default and largest number of groups of a list. */
const DEFAULT_GROUPS = 1000
const MAX_GROUPS = 10_000

/** Traces that one query may read one by one: about a second's work. */
const MAX_TRACES = 100_000

/** Groups of sums, besides `tag.<key>`. */
const GROUPS = ['provider', 'model', 'route', 'key', 'session', 'end_user', 'client', 'workspace'] as const

const BUCKETS = ['hour', 'day', 'week', 'month'] as const satisfies readonly Bucket[]

/** The parameters of the summary, of lists, of lists by a group, and of series. */
export const SUMMARY_PARAMETERS = [...RANGE_PARAMETERS, ...FILTER_PARAMETERS] as const
export const GROUPS_PARAMETERS = [...SUMMARY_PARAMETERS, 'limit'] as const
export const GROUPED_PARAMETERS = [...GROUPS_PARAMETERS, 'group_by'] as const
export const SERIES_PARAMETERS = [...GROUPED_PARAMETERS, 'bucket'] as const

/** `GET /api/analytics/usage`: tokens, in all or as a series. */
export const getUsage: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuery(request)
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
  if (series) return seriesResponse(await measure(request, context, filter, series), series, tokens)
  const measured = await measure(request, context, filter, {})
  const [row] = measured.rows as [MeasuredRow]
  return jsonResponse(200, {
    total_input_tokens: row.inputTokens,
    total_output_tokens: row.outputTokens,
    total_tokens: row.totalTokens,
    cache_read_input_tokens: row.cacheReadInputTokens,
    cache_creation_input_tokens: row.cacheCreationInputTokens,
    reasoning_tokens: row.reasoningTokens,
    request_count: row.requests,
    ...remarks(measured),
  })
}

/** `GET /api/analytics/cost`: money, in all or as a series. */
export const getCost: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuery(request)
  const series = readSeries(parameters)
  if (series) return seriesResponse(await measure(request, context, filter, series), series, costJson)
  const measured = await measure(request, context, filter, {})
  return jsonResponse(200, { ...costJson(measured.rows[0]!), ...remarks(measured) })
}

/** `GET /api/analytics/models`: what each model was used for. */
export const getModels: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuery(request)
  const options = { group: 'model', limit: readLimit(parameters) } as const
  return listResponse(await measure(request, context, filter, options), (row) => ({
    model: row.group,
    request_count: row.requests,
    avg_latency_ms: average(row.latencyMs, row),
    avg_ttft_ms: average(row.timeToFirstTokenMs, row),
    total_tokens: row.totalTokens,
    ...costSumsJson(row),
  }))
}

/** `GET /api/analytics/keys`: what each provider key was used for, by its hash. */
export const getKeys: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuery(request)
  const options = { group: 'api_key', limit: readLimit(parameters) } as const
  return listResponse(await measure(request, context, filter, options), (row) => ({
    api_key_hash: row.group,
    request_count: row.requests,
    total_tokens: row.totalTokens,
    ...costSumsJson(row),
    last_active_at: formatTime(row.lastCreatedAtUs),
  }))
}

/** `GET /api/analytics/latency`: how long exchanges took. */
export const getLatency: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuery(request)
  const grouping = readGroups(parameters)
  const options = { ...grouping, limit: readLimit(parameters), percentiles: true }
  return listResponse(await measure(request, context, filter, options), latencyJson, grouping)
}

/** `GET /api/analytics/errors`: how many exchanges ended with an error status, or failed after a response that began well. */
export const getErrors: ApiHandler = async (request, context) => {
  const { parameters, filter } = readQuery(request)
  const grouping = readGroups(parameters)
  const options = { ...grouping, limit: readLimit(parameters) }
  return listResponse(await measure(request, context, filter, options), errorsJson, grouping)
}

/** `GET /api/analytics/summary`: the sums of everything in one object. */
export const getSummary: ApiHandler = async (request, context) => {
  const { filter } = readQuery(request)
  const [all, models, keys] = await Promise.all([
    measure(request, context, filter, {}),
    measure(request, context, filter, { group: 'model', limit: 1 }),
    measure(request, context, filter, { group: 'api_key' }),
  ])
  const [row] = all.rows as [MeasuredRow]
  return jsonResponse(200, {
    total_requests: row.requests,
    total_input_tokens: row.inputTokens,
    total_output_tokens: row.outputTokens,
    total_tokens: row.totalTokens,
    ...costSumsJson(row),
    active_keys: keys.rows.length,
    ...given('top_model', models.rows[0]?.group ?? ''),
    unmetered_requests: row.unmeteredRequests,
    ...remarks(all),
  })
}

/** The groups of sums. */
type Grouping = Pick<MeasureOptions, 'group' | 'secondGroup'>

interface Series extends MeasureOptions {
  readonly bucket: Bucket
  readonly limit: number
}

function readQuery({ query: parameters }: ApiRequest): {
  parameters: QueryParameters
  filter: TraceFilter
} {
  const range = readRange(parameters, Date.now() * 1000)
  return { parameters, filter: { ...range, ...readCommonFilter(parameters) } }
}

/** A series when the query has a group or a bucket; by day by default. */
function readSeries(parameters: QueryParameters): Series | undefined {
  const grouping = readGroups(parameters)
  const bucket = parameters.oneOf('bucket', BUCKETS)
  const limit = readLimit(parameters)
  if (grouping.group === undefined && bucket === undefined) return undefined
  return { ...grouping, bucket: bucket ?? 'day', limit, timeZone: parameters.timeZone().name }
}

function readGroups(parameters: QueryParameters): Grouping {
  const groups = parameters
    .all('group_by')
    .filter((text) => text.toLowerCase() !== 'none')
    .map(readGroup)
  const [group, secondGroup] = groups
  if (groups.length > 2) throw invalidParameter('group_by may be given twice at most')
  if (group !== undefined && group === secondGroup) {
    throw invalidParameter(`group_by names ${quote(group)} twice`)
  }
  return defined({ group, secondGroup })
}

function readGroup(text: string): Group {
  const word = text.toLowerCase()
  // Tags keep the case of their names.
  if (word.startsWith('tag.') && word.length > 'tag.'.length) return `tag.${text.slice('tag.'.length)}`
  const group = GROUPS.find((one) => one === word)
  if (group) return group
  throw invalidParameter(
    `invalid group_by: ${quote(word)}; expected one of none, ${GROUPS.join(', ')}, tag.<key>`,
  )
}

function readLimit(parameters: QueryParameters): number {
  return parameters.integer('limit', 1, MAX_GROUPS) ?? DEFAULT_GROUPS
}

async function measure(
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
  measured: Measured,
  show: (row: MeasuredRow) => object,
  grouping: Grouping = {},
): Response {
  const rows = measured.rows.filter((row) => row.requests > 0)
  return jsonResponse(200, {
    ...groupByJson(grouping),
    items: rows.map((row) => ({ ...groupJson(row, grouping), ...show(row) })),
    ...(measured.more ? { truncated: true } : {}),
    ...remarks(measured),
  })
}

function seriesResponse(measured: Measured, series: Series, show: (row: MeasuredRow) => object): Response {
  return jsonResponse(200, {
    ...groupByJson(series),
    bucket: series.bucket,
    items: measured.rows.map((row) => ({
      bucket_start: formatTime(row.bucketStartUs),
      ...groupJson(row, series),
      ...show(row),
    })),
    ...(measured.more ? { truncated: true } : {}),
    ...remarks(measured),
  })
}

function groupByJson({ group, secondGroup }: Grouping): object {
  return secondGroup === undefined ? given('group_by', group ?? '') : { group_by: [group, secondGroup] }
}

function groupJson(row: MeasuredRow, { group, secondGroup }: Grouping): object {
  if (group === undefined) return {}
  if (secondGroup === undefined) return given('group', row.group)
  return { groups: { [group]: row.group, [secondGroup]: row.secondGroup } }
}

/** Remarks on the figures. */
function remarks({ approximate }: Measured): object {
  return defined({ approximate })
}

/** The average is over the requests that are billed one by one and whose cost is known. */
function costJson(row: MeasuredRow): object {
  const known = row.requests - row.unknownCostRequests - row.includedRequests
  return {
    request_count: row.requests,
    avg_cost_usd: known === 0 ? 0 : nanoToUsd(row.costNanoUsd) / known,
    ...costSumsJson(row),
  }
}
