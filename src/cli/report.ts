import { parseTimeOrDay } from '../api/query-parameters.ts'
import { contractJson } from '../http/json-response.ts'
import { formatSecond, formatTime } from '../rfc3339.ts'
import type { GroupTotals, Totals, TraceFilter, TraceReader, TraceSummary } from '../storage/storage.ts'
import { formatNanoUsd, nanoToUsd } from '../usage/money.ts'
import { CONFIG_FLAG, FORMAT_FLAG, readFormat, type Command, type Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { textTable } from './text-table.ts'

/** `ongoingai report`: what was used and what it cost, read from the store, without a running gateway. */
export const report: Command = {
  name: 'report',
  summary: 'show usage and cost from the store',
  usage:
    'report [--config path/to/ongoingai.yaml] [--format text|json] [--from RFC3339|YYYY-MM-DD] [--to RFC3339|YYYY-MM-DD] [--provider NAME] [--model NAME] [--session-id ID] [--end-user NAME] [--client NAME] [--tag KEY=VALUE,…] [--limit N]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'from', type: 'string', description: 'Report start time (RFC3339 or YYYY-MM-DD)' },
    { name: 'to', type: 'string', description: 'Report end time (RFC3339 or YYYY-MM-DD)' },
    { name: 'provider', type: 'string', description: 'Provider filter' },
    { name: 'model', type: 'string', description: 'Model filter' },
    { name: 'session-id', type: 'string', description: 'Session filter' },
    { name: 'end-user', type: 'string', description: 'End user filter' },
    { name: 'client', type: 'string', description: 'Client filter (claude-cli, codex_exec, OpenAI/JS, …)' },
    { name: 'tag', type: 'string', description: 'Tag filter: key=value, several with commas' },
    { name: 'limit', type: 'int', description: 'Recent trace count (1-200)', default: '10' },
  ],
  async run(parsed, io) {
    const options = readOptions(parsed)
    if ('problem' in options) {
      io.err(`${options.problem}\n`)
      return 2
    }
    const store = await openStore(parsed, io)
    if (!store) return 1
    try {
      const path = store.config.storage.path
      const data = await collect(store.storage.everywhere(), options)
      if (options.format === 'json') io.out(`${contractJson(reportJson(data, options, path), 2)}\n`)
      else writeText(data, options, path, io)
      return 0
    } catch (error) {
      io.err(`failed to build report: ${error instanceof Error ? error.message : String(error)}\n`)
      return 1
    } finally {
      await store.storage.close()
    }
  },
}

interface Options {
  readonly format: 'text' | 'json'
  readonly filter: TraceFilter
  readonly limit: number
}

interface ReportData {
  readonly generatedAt: string
  readonly totals: Totals
  readonly providers: readonly GroupTotals[]
  readonly models: readonly GroupTotals[]
  readonly keys: readonly GroupTotals[]
  readonly recent: readonly TraceSummary[]
}

function readOptions(parsed: Arguments): Options | { problem: string } {
  const { values, positional } = parsed
  if (positional.length > 0) return { problem: 'report does not accept positional arguments' }
  const format = readFormat('report', parsed)
  if ('problem' in format) return format
  const limit = Number(values.get('limit') ?? 10)
  if (limit < 1 || limit > 200) return { problem: 'limit must be between 1 and 200' }
  const bound = (name: 'from' | 'to'): number | undefined | { problem: string } => {
    const text = (values.get(name) ?? '').trim()
    if (text === '') return undefined
    return parseTimeOrDay(text, name) ?? { problem: `invalid ${name}: expected RFC3339 or YYYY-MM-DD` }
  }
  const from = bound('from')
  if (typeof from === 'object') return from
  const to = bound('to')
  if (typeof to === 'object') return to
  if (from !== undefined && to !== undefined && to < from) {
    return { problem: 'invalid range: to must be greater than or equal to from' }
  }
  const tags = readTagFilter(values.get('tag') ?? '')
  if (tags === undefined) return { problem: 'invalid tag: expected key=value, several with commas' }
  const text = (flag: string, field: keyof TraceFilter): TraceFilter => {
    const value = (values.get(flag) ?? '').trim()
    return value === '' ? {} : { [field]: value }
  }
  const filter: TraceFilter = {
    ...text('provider', 'provider'),
    ...text('model', 'model'),
    ...text('session-id', 'sessionId'),
    ...text('end-user', 'endUser'),
    ...text('client', 'client'),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
    ...(from === undefined ? {} : { fromUs: from }),
    ...(to === undefined ? {} : { toUs: to }),
  }
  return { format: format.format, filter, limit }
}

/** Tags of the filter by their keys; `undefined` for what is not `key=value`. */
function readTagFilter(text: string): Record<string, string> | undefined {
  const tags: Record<string, string> = {}
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const equals = pair.indexOf('=')
    const key = pair.slice(0, Math.max(equals, 0)).trim()
    const value = pair.slice(equals + 1).trim()
    if (key === '' || value === '') return undefined
    tags[key] = value
  }
  return tags
}

async function collect(reader: TraceReader, { filter, limit }: Options): Promise<ReportData> {
  const [totals, providers, models, keys, recent] = await Promise.all([
    reader.totals(filter),
    reader.groupTotals(filter, 'provider'),
    reader.groupTotals(filter, 'model'),
    reader.groupTotals(filter, 'api_key_hash'),
    reader.listTraces(filter, limit),
  ])
  const byTokens = (a: GroupTotals, b: GroupTotals): number =>
    b.totalTokens - a.totalTokens || b.costNanoUsd - a.costNanoUsd || (a.group < b.group ? -1 : 1)
  const byTime = (a: TraceSummary, b: TraceSummary): number =>
    b.startedAtUs - a.startedAtUs || (a.id > b.id ? -1 : 1)
  return {
    generatedAt: formatSecond(Date.now() * 1000),
    totals,
    providers: [...providers].sort(byTokens),
    models,
    keys,
    recent: [...recent.items].sort(byTime),
  }
}

function reportJson(data: ReportData, { filter, limit }: Options, path: string): object {
  const { totals, models, keys } = data
  return {
    schema_version: 'report.v1',
    generated_at: data.generatedAt,
    storage: { driver: 'sqlite', path },
    filters: {
      ...(filter.provider === undefined ? {} : { provider: filter.provider }),
      ...(filter.model === undefined ? {} : { model: filter.model }),
      ...(filter.sessionId === undefined ? {} : { session_id: filter.sessionId }),
      ...(filter.endUser === undefined ? {} : { end_user: filter.endUser }),
      ...(filter.client === undefined ? {} : { client: filter.client }),
      ...(filter.tags === undefined ? {} : { tags: filter.tags }),
      ...(filter.fromUs === undefined ? {} : { from: formatTime(filter.fromUs) }),
      ...(filter.toUs === undefined ? {} : { to: formatTime(filter.toUs) }),
      limit,
    },
    summary: {
      total_requests: totals.requests,
      total_input_tokens: totals.inputTokens,
      total_output_tokens: totals.outputTokens,
      total_tokens: totals.totalTokens,
      total_cost_usd: nanoToUsd(totals.costNanoUsd),
      active_keys: keys.length,
      ...(models[0] ? { top_model: models[0].group } : {}),
      unknown_cost_requests: totals.unknownCostRequests,
      unmetered_requests: totals.unmeteredRequests,
    },
    providers: data.providers.map((row) => ({
      provider: row.group || '(unknown)',
      input_tokens: row.inputTokens,
      output_tokens: row.outputTokens,
      total_tokens: row.totalTokens,
      total_cost_usd: nanoToUsd(row.costNanoUsd),
      unknown_cost_requests: row.unknownCostRequests,
    })),
    models: models.map((row) => ({
      model: row.group,
      request_count: row.requests,
      avg_latency_ms: row.avgLatencyMs,
      avg_ttft_ms: row.avgTimeToFirstTokenMs,
      total_tokens: row.totalTokens,
      total_cost_usd: nanoToUsd(row.costNanoUsd),
      unknown_cost_requests: row.unknownCostRequests,
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
  }
}

function writeText(data: ReportData, { filter, limit }: Options, path: string, io: Io): void {
  const { totals, models, keys } = data
  const time = (us: number | undefined): string => (us === undefined ? '(all)' : formatSecond(us))
  io.out('OngoingAI Report\n')
  io.out(
    textTable([
      ['Schema version', 'report.v1'],
      ['Generated at', data.generatedAt],
      ['Storage driver', 'sqlite'],
      ['Storage path', path],
      ['Filter provider', filter.provider ?? '(all)'],
      ['Filter model', filter.model ?? '(all)'],
      ...attributionFilters(filter),
      ['Filter from', time(filter.fromUs)],
      ['Filter to', time(filter.toUs)],
      ['Filter limit', String(limit)],
    ]),
  )
  io.out('\nSummary\n')
  io.out(
    textTable([
      ['Total requests', String(totals.requests)],
      ['Total input tokens', String(totals.inputTokens)],
      ['Total output tokens', String(totals.outputTokens)],
      ['Total tokens', String(totals.totalTokens)],
      ['Estimated cost (USD)', formatNanoUsd(totals.costNanoUsd, 6)],
      ...(totals.unknownCostRequests > 0
        ? [['Requests of unknown cost', String(totals.unknownCostRequests)]]
        : []),
      ...(totals.unmeteredRequests > 0
        ? [['  of them unmetered APIs', String(totals.unmeteredRequests)]]
        : []),
      ['Active API keys', String(keys.length)],
      ['Top model', models[0]?.group ?? '(none)'],
    ]),
  )
  section(
    io,
    'Providers',
    '(no provider data)',
    ['PROVIDER', 'INPUT_TOKENS', 'OUTPUT_TOKENS', 'TOTAL_TOKENS', 'TOTAL_COST_USD'],
    data.providers.map((row) => [
      row.group || '(unknown)',
      String(row.inputTokens),
      String(row.outputTokens),
      String(row.totalTokens),
      cost(row),
    ]),
  )
  section(
    io,
    'Models',
    '(no model data)',
    ['MODEL', 'REQUESTS', 'TOTAL_TOKENS', 'TOTAL_COST_USD', 'AVG_LATENCY_MS', 'AVG_TTFT_MS'],
    models.map((row) => [
      row.group || '(unknown)',
      String(row.requests),
      String(row.totalTokens),
      cost(row),
      row.avgLatencyMs.toFixed(2),
      row.avgTimeToFirstTokenMs.toFixed(2),
    ]),
  )
  section(
    io,
    'API Keys',
    '(no API key data)',
    ['API_KEY_HASH', 'REQUESTS', 'TOTAL_TOKENS', 'TOTAL_COST_USD', 'LAST_ACTIVE_AT'],
    keys.map((row) => [
      row.group,
      String(row.requests),
      String(row.totalTokens),
      cost(row),
      formatSecond(row.lastCreatedAtUs),
    ]),
  )
  section(
    io,
    'Recent Traces',
    '(no traces)',
    [
      'TIMESTAMP',
      'PROVIDER',
      'MODEL',
      'STATUS',
      'TOTAL_TOKENS',
      'ESTIMATED_COST_USD',
      'LATENCY_MS',
      'REQUEST_PATH',
      'TRACE_ID',
    ],
    data.recent.map((trace) => [
      formatSecond(trace.startedAtUs),
      trace.provider || '(unknown)',
      trace.model || '(unknown)',
      String(trace.responseStatus),
      String(trace.totalTokens),
      costOf(trace),
      String(trace.latencyMs),
      trace.requestPath || '(unknown)',
      trace.id,
    ]),
  )
}

function section(io: Io, title: string, empty: string, head: string[], rows: string[][]): void {
  io.out(`\n${title}\n`)
  io.out(rows.length === 0 ? `${empty}\n` : textTable([head, ...rows]))
}

/** Filters by attribution, where there are some. */
function attributionFilters({ sessionId, endUser, client, tags }: TraceFilter): string[][] {
  return [
    ...(sessionId === undefined ? [] : [['Filter session', sessionId]]),
    ...(endUser === undefined ? [] : [['Filter end user', endUser]]),
    ...(client === undefined ? [] : [['Filter client', client]]),
    ...Object.entries(tags ?? {}).map(([key, value]) => [`Filter tag.${key}`, value]),
  ]
}

function costOf({ api, costNanoUsd }: TraceSummary): string {
  if (costNanoUsd !== null) return formatNanoUsd(costNanoUsd, 6)
  return api === '' ? '(unmetered)' : '(unknown)'
}

/** A sum that leaves requests of unknown cost out says so. */
function cost(row: GroupTotals): string {
  const sum = formatNanoUsd(row.costNanoUsd, 6)
  return row.unknownCostRequests > 0 ? `${sum} + ${row.unknownCostRequests} unknown` : sum
}
