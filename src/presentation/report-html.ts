import { formatSecond } from '../time/rfc3339.ts'
import type { MeasuredRow } from '../storage/contract/analytics.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import { usdText } from '../usage/money.ts'
import { lines, rankedBars, stackedBars, type Layer } from './charts.ts'
import { costSumText, costText, sumMark, tokensMark } from './estimate-marks.ts'
import { html, Markup } from './html.ts'
import { priceAgeLines } from './price-age-text.ts'
import type { ReportCurves, ReportData } from './report-data.ts'
import { errorCount, errorRate } from './measure-json.ts'

/** Provider keys that are listed. */
const KEYS = 20

/** A report as one page that needs nothing else: no script, no font, no request; it prints, and works offline. */
export function reportHtml(data: ReportData, curves: ReportCurves): string {
  const { totals } = data
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>OngoingAI report</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <header>
          <h1>OngoingAI report</h1>
          <p>${filterText(data.filter)}</p>
          <p class="quiet">
            ${data.approximate ? 'Approximate: the range cuts hours that an earlier version summed up.' : ''}
            Generated ${data.generatedAt} from
            ${data.storage.driver}${data.storage.path === undefined ? '' : ` ${data.storage.path}`}
          </p>
          ${priceAgeLines(data.prices).map((line) => html`<p class="quiet">${line}</p>`)}
        </header>
        <section class="tiles">
          ${tile('Spend', `${sumMark(totals)}${usd(totals.costNanoUsd)}`, unknownText(totals))}
          ${tile('Requests', count(totals.requests), `${count(errorCount(totals))} with an error`)}
          ${tile('Tokens', count(totals.totalTokens), `${count(totals.inputTokens)} in, ${count(totals.outputTokens)} out`)}
          ${tile('Latency p50', ms(totals.percentiles?.p50 ?? 0), `p95 ${ms(totals.percentiles?.p95 ?? 0)}, p99 ${ms(totals.percentiles?.p99 ?? 0)}`)}
        </section>
        ${totals.requests === 0 ? html`<p>No exchanges in this range.</p>` : ''}
        ${curves.total.length === 0 ? '' : chartsOf(data, curves)} ${useTables(data)} ${traceTables(data)}
      </body>
    </html> `.text
}

/** Charts over time. */
function chartsOf(data: ReportData, curves: ReportCurves): Markup {
  const times = curves.total.map((row) => row.bucketStartUs)
  const labels = times.map((us) => labelOf(us, curves))
  const per = curves.bucket === 'day' ? `day (${curves.zone.name})` : 'hour (UTC)'
  const estimates = data.totals.estimatedCostRequests > 0 ? ', estimates included' : ''
  const models = layersOf(
    curves.models,
    curves.total,
    times,
    (row) => row.costNanoUsd,
    (name) => name,
  )
  const keys = layersOf(curves.keys, curves.total, times, (row) => row.costNanoUsd, shortHash)
  const totalOf = (name: string, value: (row: MeasuredRow) => number): Layer => ({
    name,
    values: curves.total.map(value),
  })
  return html`<section class="charts">
    ${stackedBars(`Spend per ${per}, by model${estimates}`, models, { labels, format: usd })}
    ${stackedBars(
      `Tokens per ${per}`,
      [
        totalOf('input, uncached', (row) => row.inputTokens - row.cacheReadInputTokens),
        totalOf('input, from cache', (row) => row.cacheReadInputTokens),
        totalOf('output', (row) => row.outputTokens),
      ],
      { labels, format: count },
    )}
    ${stackedBars(`Spend per ${per}, by provider key${estimates}`, keys, { labels, format: usd })}
    ${lines(
      `Latency per ${per}`,
      (['p50', 'p95', 'p99'] as const).map((name) => totalOf(name, (row) => row.percentiles?.[name] ?? NaN)),
      { labels, format: ms },
    )}
    ${stackedBars(
      `Requests with an error per ${per}, share of all`,
      [
        totalOf('4xx', (row) => row.errors4xx / row.requests),
        totalOf('5xx', (row) => row.errors5xx / row.requests),
        totalOf('within a 200', (row) => row.failedAnswers / row.requests),
      ],
      { labels, format: percent },
    )}
    ${rankedBars(
      'Spend by model',
      [...data.models]
        .sort((a, b) => b.costNanoUsd - a.costNanoUsd)
        .slice(0, 10)
        .map((row) => ({ name: row.group, value: row.costNanoUsd, note: spend(row) })),
    )}
  </section>`
}

/** Tables of use: by model, provider and key. */
function useTables(data: ReportData): (Markup | string)[] {
  return [
    table(
      'Models',
      ['Model', 'Requests', 'Tokens', 'Spend', 'p50', 'p95', 'p99', 'Errors'],
      data.models.map((row) => [
        row.group,
        count(row.requests),
        count(row.totalTokens),
        spend(row),
        ms(row.percentiles?.p50 ?? 0),
        ms(row.percentiles?.p95 ?? 0),
        ms(row.percentiles?.p99 ?? 0),
        percent(errorRate(row)),
      ]),
    ),
    table(
      'Providers',
      ['Provider', 'Requests', 'Tokens in', 'Tokens out', 'Spend', '4xx', '5xx', 'In a 200', 'Errors'],
      data.providers.map((row) => [
        row.group || '(unknown)',
        count(row.requests),
        count(row.inputTokens),
        count(row.outputTokens),
        spend(row),
        count(row.errors4xx),
        count(row.errors5xx),
        count(row.failedAnswers),
        percent(errorRate(row)),
      ]),
    ),
    table(
      data.keys.length > KEYS ? `The ${KEYS} busiest of ${data.keys.length} provider keys` : 'Provider keys',
      ['SHA-256 of the key', 'Requests', 'Tokens', 'Spend', 'Last used'],
      data.keys
        .slice(0, KEYS)
        .map((row) => [
          shortHash(row.group),
          count(row.requests),
          count(row.totalTokens),
          spend(row),
          formatSecond(row.lastCreatedAtUs),
        ]),
    ),
    data.gatewayKeys.length > 0
      ? table(
          'Gateway keys',
          ['Name', 'Id', 'Requests', 'Tokens', 'Spend', 'Last used'],
          data.gatewayKeys
            .slice(0, KEYS)
            .map((row) => [
              data.keyNames.get(row.group) ?? '',
              row.group,
              count(row.requests),
              count(row.totalTokens),
              spend(row),
              formatSecond(row.lastCreatedAtUs),
            ]),
        )
      : '',
  ]
}

/** Tables of sessions and single exchanges. */
function traceTables(data: ReportData): (Markup | string)[] {
  return [
    table(
      data.moreSessions ? `The ${data.sessions.length} busiest sessions` : 'Sessions',
      ['Session', 'Requests', 'Tokens', 'Spend', 'Last active'],
      data.sessions.map((row) => [
        row.group,
        count(row.requests),
        count(row.totalTokens),
        spend(row),
        formatSecond(row.lastCreatedAtUs),
      ]),
    ),
    table(
      'Recent exchanges',
      ['Time', 'Model', 'Status', 'Tokens', 'Spend', 'Latency', 'Path', 'Trace'],
      data.recent.map((trace) => [
        formatSecond(trace.startedAtUs),
        trace.model,
        String(trace.responseStatus),
        `${tokensMark(trace)}${count(trace.totalTokens)}`,
        costText(trace, usd, 'unknown'),
        ms(trace.latencyMs),
        trace.requestPath,
        trace.id,
      ]),
    ),
  ]
}

/** A layer for each group, and one for all others where the groups do not add up to the whole. */
function layersOf(
  rows: readonly MeasuredRow[],
  totals: readonly MeasuredRow[],
  times: readonly number[],
  value: (row: MeasuredRow) => number,
  nameOf: (group: string) => string,
): Layer[] {
  const groups = new Map<string, number[]>()
  const place = new Map(times.map((time, i) => [time, i]))
  for (const row of rows) {
    const values = groups.get(row.group) ?? times.map(() => 0)
    values[place.get(row.bucketStartUs)!] = value(row)
    groups.set(row.group, values)
  }
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0)
  const layers = [...groups]
    .map(([group, values]) => ({ name: nameOf(group), values }))
    .sort((a, b) => sum(b.values) - sum(a.values) || (a.name < b.name ? -1 : 1))
  const rest = totals.map((row, i) => value(row) - layers.reduce((all, { values }) => all + values[i]!, 0))
  return rest.some((one) => one > 0) ? [...layers, { name: 'others', values: rest }] : layers
}

function labelOf(us: number, { bucket, zone }: ReportCurves): string {
  const text = formatSecond(bucket === 'day' ? us + zone.offsetUs(us) : us)
  return bucket === 'day' ? text.slice(5, 10) : `${text.slice(5, 10)} ${text.slice(11, 16)}`
}

function filterText(filter: TraceFilter): string {
  const parts = [
    filter.fromUs === undefined ? 'from the beginning' : `from ${formatSecond(filter.fromUs)}`,
    filter.toUs === undefined ? 'until now' : `to ${formatSecond(filter.toUs)}`,
    ...(filter.provider === undefined ? [] : [`provider ${filter.provider}`]),
    ...(filter.model === undefined ? [] : [`model ${filter.model}`]),
    ...(filter.sessionId === undefined ? [] : [`session ${filter.sessionId}`]),
    ...(filter.endUser === undefined ? [] : [`end user ${filter.endUser}`]),
    ...(filter.client === undefined ? [] : [`client ${filter.client}`]),
    ...Object.entries(filter.tags ?? {}).map(([key, value]) => `${key}=${value}`),
  ]
  return parts.join(', ')
}

function tile(name: string, value: string, note: string): Markup {
  return html`<div>
    <h2>${name}</h2>
    <strong>${value}</strong><span>${note}</span>
  </div>`
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): Markup {
  if (rows.length === 0) return html``
  const sides = head.map((_, i) => (rows.every((row) => NUMERIC.test(row[i] ?? '')) ? 'n' : 't'))
  return html`<section class="table">
    <h2>${title}</h2>
    <div>
      <table>
        <thead>
          <tr>
            ${head.map((cell, i) => html`<th class="${sides[i] ?? ''}" scope="col">${cell}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                ${row.map((cell, i) => html`<td class="${sides[i] ?? ''}">${cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`
}

/** Amounts of any kind, aligned at their ends. */
const NUMERIC = /^(included|~?\$?[\d.,]+)( (k|M|B|%|s|ms|\(list .*\)))?( \+ .*)?$/

function unknownText(row: MeasuredRow): string {
  const { unknownCostRequests: unknown, includedRequests: included, estimatedCostRequests: estimates } = row
  const besides = [
    ...(unknown > 0 ? [`${count(unknown)} requests of unknown cost`] : []),
    ...(included > 0
      ? [`${count(included)} included in subscriptions (list price ${usd(row.listPriceNanoUsd)})`]
      : []),
  ]
  if (besides.length > 0) return `and ${besides.join(', ')}`
  return estimates > 0 ? `${count(estimates)} of them estimated` : 'every request priced'
}

function spend(row: MeasuredRow): string {
  return costSumText(row, usd, count)
}

/** Dollars, thousands apart. */
function usd(nano: number): string {
  const [whole = '', fraction] = usdText(nano, 2).split('.')
  return `$${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${fraction ?? ''}`
}

function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} B`
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  return value >= 1e4 ? `${(value / 1e3).toFixed(1)} k` : String(Math.round(value * 100) / 100)
}

function ms(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 1)} %`
}

function shortHash(hash: string): string {
  return hash.length > 16 ? `${hash.slice(0, 12)}…` : hash
}

const STYLE = new Markup(`
:root{color-scheme:light;--ink:#1c1e21;--quiet:#62676e;--line:#dfe2e6;--panel:#f7f8f9}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--ink);background:#fff;max-width:1180px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:0 0 10px}
header p{margin:0}.quiet{color:var(--quiet);font-size:13px}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:22px 0 8px}
.tiles div{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:12px 14px;min-width:0}
.tiles h2{font-size:13px;font-weight:600;color:var(--quiet);margin:0}
.tiles strong{display:block;font-size:26px;letter-spacing:-.02em;overflow-wrap:anywhere}.tiles span{font-size:13px;color:var(--quiet)}
.charts{display:grid;grid-template-columns:1fr 1fr;gap:28px 32px;margin:26px 0}
figure{margin:0;min-width:0;break-inside:avoid}figcaption{font-weight:600;margin-bottom:8px}
.plot{display:grid;grid-template-columns:auto 1fr;gap:4px 8px}
.plot svg{width:100%;height:200px;overflow:visible;grid-column:2}
.y{display:flex;flex-direction:column;justify-content:space-between;text-align:right;font-size:11px;color:var(--quiet);height:216px;margin:-8px 0;font-variant-numeric:tabular-nums;grid-column:1}
.x{grid-column:2;display:flex;justify-content:space-between;font-size:11px;color:var(--quiet)}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:2;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.dot{stroke-width:6;stroke-linecap:round;vector-effect:non-scaling-stroke}
.legend{list-style:none;margin:8px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12px;color:var(--quiet)}
.legend li{overflow-wrap:anywhere}.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
${['#2b6cb0', '#dd7a28', '#2f9e6e', '#8a5bc7', '#c0435d', '#7c8a22', '#8d949c'].map((color, i) => `.c${i}{fill:${color}}.s${i}{stroke:${color}}.b${i}{background:${color}}`).join('')}
.bars{width:100%;border-collapse:collapse;font-size:13px}.bars th{font-weight:400;text-align:left;width:38%;padding:4px 8px 4px 0;overflow-wrap:anywhere}
.bars .n{text-align:right;width:1%;white-space:nowrap;padding-left:8px;font-variant-numeric:tabular-nums}.bar{display:block;height:14px;background:#2b6cb0;border-radius:2px;min-width:1px}
.table{margin-top:30px}.table div{overflow-x:auto}
.table table{border-collapse:collapse;width:100%;font-size:13px}
.table th{text-align:left;color:var(--quiet);font-weight:600;border-bottom:1px solid var(--line);padding:5px 14px 5px 0;white-space:nowrap}
.table .n{text-align:right;white-space:nowrap}
.table td{border-bottom:1px solid var(--line);padding:5px 14px 5px 0;font-variant-numeric:tabular-nums;max-width:340px;overflow-wrap:anywhere}
@media(max-width:760px){.charts{grid-template-columns:1fr}.tiles{grid-template-columns:1fr 1fr}.tiles strong{font-size:21px}body{padding:18px 14px 40px}.table td{white-space:nowrap;max-width:none}}
@media print{body{max-width:none;padding:0;font-size:11px}.tiles strong{font-size:18px}.table td{white-space:normal;max-width:200px}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}.table{break-inside:auto}tr{break-inside:avoid}}
`)
