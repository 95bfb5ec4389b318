import { formatSecond } from '../time/rfc3339.ts'
import type { MeasuredRow } from '../storage/contract/analytics.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import type { TraceSummary } from '../storage/contract/traces.ts'
import { usdText } from '../usage/money.ts'
import type { Io } from './command.ts'
import { costSumText, costText, sumMark, tokensMark } from '../presentation/estimate-marks.ts'
import type { ReportData } from '../presentation/report-data.ts'
import { average, errorCount, errorRate } from '../presentation/measure-json.ts'
import { outputColumns, textTable } from './text-table.ts'
import { priceAgeLines } from '../presentation/price-age-text.ts'
import { wrapWords } from './wrap-words.ts'

/** Writes a report for people, in the contract's words and order. */
export function writeReportText(data: ReportData, io: Io): void {
  const { filter } = data
  const time = (us: number | undefined): string => (us === undefined ? '(all)' : formatSecond(us))
  io.out('OngoingAI Report\n')
  io.out(
    textTable([
      ['Schema version', 'report.v1'],
      ['Generated at', data.generatedAt],
      ['Storage driver', data.storage.driver],
      ...(data.storage.path === undefined ? [] : [['Storage path', data.storage.path]]),
      ['Filter provider', filter.provider ?? '(all)'],
      ['Filter model', filter.model ?? '(all)'],
      ...attributionFilters(filter),
      ['Filter from', time(filter.fromUs)],
      ['Filter to', time(filter.toUs)],
      ['Filter limit', String(data.limit)],
      ...(data.approximate
        ? [['Approximate', 'the range cuts hours that an earlier version summed up']]
        : []),
    ]),
  )
  writeSummary(data, io)
  io.out('\nPrices\n')
  for (const line of priceAgeLines(data.prices)) io.out(`${wrapWords(line, outputColumns(), '  ')}\n`)
  for (const part of [...useParts(data), ...traceParts(data)]) writePart(io, part)
  if (data.moreSessions) io.out(`(the ${data.sessions.length} with the most requests)\n`)
}

function writeSummary({ totals, models, keys }: ReportData, io: Io): void {
  io.out('\nSummary\n')
  io.out(
    textTable([
      ['Total requests', String(totals.requests)],
      ['Total input tokens', String(totals.inputTokens)],
      ['Total output tokens', String(totals.outputTokens)],
      ['Total tokens', String(totals.totalTokens)],
      ['Estimated cost (USD)', `${sumMark(totals)}${usdText(totals.costNanoUsd)}`],
      ...(totals.unknownCostRequests > 0
        ? [['Requests of unknown cost', String(totals.unknownCostRequests)]]
        : []),
      ...(totals.unmeteredRequests > 0
        ? [['  of them unmetered APIs', String(totals.unmeteredRequests)]]
        : []),
      ...(totals.includedRequests > 0
        ? [
            ['Included in subscriptions', `${totals.includedRequests} requests`],
            ['  list price (USD)', usdText(totals.listPriceNanoUsd)],
          ]
        : []),
      ['Active API keys', String(keys.length)],
      ['Top model', models[0]?.group ?? '(none)'],
    ]),
  )
}

/** A table of the report. */
interface Part {
  readonly title: string
  /** Shown instead of a table without rows. */
  readonly empty: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Tables of use: by provider, model and key. */
function useParts({ providers, models, keys, gatewayKeys, keyNames }: ReportData): Part[] {
  const ofGatewayKeys: Part = {
    title: 'Gateway Keys',
    empty: '',
    head: ['NAME', 'KEY_ID', 'REQUESTS', 'TOTAL_TOKENS', 'TOTAL_COST_USD', 'LAST_ACTIVE_AT'],
    rows: gatewayKeys.map((row) => [
      keyNames.get(row.group) || '(no name)',
      row.group,
      String(row.requests),
      String(row.totalTokens),
      cost(row),
      formatSecond(row.lastCreatedAtUs),
    ]),
  }
  return [
    {
      title: 'Providers',
      empty: '(no provider data)',
      head: ['PROVIDER', 'INPUT_TOKENS', 'OUTPUT_TOKENS', 'TOTAL_TOKENS', 'TOTAL_COST_USD'],
      rows: providers.map((row) => [
        row.group || '(unknown)',
        String(row.inputTokens),
        String(row.outputTokens),
        String(row.totalTokens),
        cost(row),
      ]),
    },
    {
      title: 'Models',
      empty: '(no model data)',
      head: ['MODEL', 'REQUESTS', 'TOTAL_TOKENS', 'TOTAL_COST_USD', 'AVG_LATENCY_MS', 'AVG_TTFT_MS'],
      rows: models.map((row) => [
        row.group || '(unknown)',
        String(row.requests),
        String(row.totalTokens),
        cost(row),
        average(row.latencyMs, row).toFixed(2),
        average(row.timeToFirstTokenMs, row).toFixed(2),
      ]),
    },
    {
      title: 'API Keys',
      empty: '(no API key data)',
      head: ['API_KEY_HASH', 'REQUESTS', 'TOTAL_TOKENS', 'TOTAL_COST_USD', 'LAST_ACTIVE_AT'],
      rows: keys.map((row) => [
        shortHash(row.group),
        String(row.requests),
        String(row.totalTokens),
        cost(row),
        formatSecond(row.lastCreatedAtUs),
      ]),
    },
    ...(gatewayKeys.length > 0 ? [ofGatewayKeys] : []),
  ]
}

/** Tables of single traces, latency, errors and sessions. */
function traceParts(data: ReportData): Part[] {
  const { totals, models } = data
  return [
    {
      title: 'Recent Traces',
      empty: '(no traces)',
      head: [
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
      rows: data.recent.map((trace) => [
        formatSecond(trace.startedAtUs),
        trace.provider || '(unknown)',
        trace.model || '(unknown)',
        String(trace.responseStatus),
        `${tokensMark(trace)}${trace.totalTokens}`,
        costOf(trace),
        String(trace.latencyMs),
        trace.requestPath || '(unknown)',
        trace.id,
      ]),
    },
    {
      title: 'Latency',
      empty: '(no latency data)',
      head: ['MODEL', 'REQUESTS', 'P50_MS', 'P95_MS', 'P99_MS', 'MAX_MS'],
      rows:
        totals.requests === 0
          ? []
          : [latency('(all)', data.latency), ...models.map((row) => latency(row.group, row))],
    },
    {
      title: 'Errors',
      empty: '(no error data)',
      head: ['PROVIDER', 'REQUESTS', '4XX', '5XX', 'IN_200', 'ERRORS', 'ERROR_RATE'],
      rows: data.providers.map((row) => [
        row.group || '(unknown)',
        String(row.requests),
        String(row.errors4xx),
        String(row.errors5xx),
        String(row.failedAnswers),
        String(errorCount(row)),
        `${(errorRate(row) * 100).toFixed(2)} %`,
      ]),
    },
    {
      title: 'Sessions',
      empty: '(no session data)',
      head: ['SESSION_ID', 'REQUESTS', 'TOTAL_TOKENS', 'TOTAL_COST_USD', 'LAST_ACTIVE_AT'],
      rows: data.sessions.map((row) => [
        row.group,
        String(row.requests),
        String(row.totalTokens),
        cost(row),
        formatSecond(row.lastCreatedAtUs),
      ]),
    },
  ]
}

/** Characters of a hash that are shown; JSON has all. */
const HASH_SHOWN = 12

function shortHash(text: string): string {
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, HASH_SHOWN)}…` : text
}

function writePart(io: Io, { title, empty, head, rows }: Part): void {
  io.out(`\n${title}\n`)
  io.out(rows.length === 0 ? `${empty}\n` : textTable([head, ...rows]))
}

function latency(name: string, row: MeasuredRow): string[] {
  const { p50 = 0, p95 = 0, p99 = 0 } = row.percentiles ?? {}
  const ms = [p50, p95, p99, row.maxLatencyMs].map((value) => String(Math.round(value)))
  return [name || '(unknown)', String(row.requests), ...ms]
}

/** Filters by attribution, if there are any. */
function attributionFilters({ sessionId, endUser, client, tags }: TraceFilter): string[][] {
  return [
    ...(sessionId === undefined ? [] : [['Filter session', sessionId]]),
    ...(endUser === undefined ? [] : [['Filter end user', endUser]]),
    ...(client === undefined ? [] : [['Filter client', client]]),
    ...Object.entries(tags ?? {}).map(([key, value]) => [`Filter tag.${key}`, value]),
  ]
}

function costOf(trace: TraceSummary): string {
  return costText(trace, usdText, trace.api === '' ? '(unmetered)' : '(unknown)')
}

function cost(row: MeasuredRow): string {
  return costSumText(row, usdText, String)
}
