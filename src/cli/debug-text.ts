import { contractJson } from '../wire/json/contract-json.ts'
import { costText, tokensMark } from '../presentation/estimate-marks.ts'
import { attributionJson } from '../presentation/trace-json.ts'
import { visible } from '../presentation/visible.ts'
import { formatSecond } from '../time/rfc3339.ts'
import type { CheckpointDiff } from '../traces/checkpoint-diff.ts'
import { lineageOf } from '../traces/lineage.ts'
import type { Trace } from '../traces/trace.ts'
import type { ReceiptLine } from '../usage/cost.ts'
import { lineAmount } from '../usage/receipt.ts'
import { toNanoUsd, usdText } from '../usage/money.ts'
import type { Io } from './command.ts'
import type { DebugChain, DebugOptions } from './debug-chain.ts'
import { textTable } from './text-table.ts'

/** Writes a chain for people, in the contract's words and order. */
export function writeDebugText(chain: DebugChain, options: DebugOptions, generatedAt: string, io: Io): void {
  const { source } = chain
  io.out('OngoingAI Debug Chain\n')
  io.out(
    textTable([
      ['Schema version', 'debug-chain.v1'],
      ['Generated at', generatedAt],
      ['Filter trace_id', options.traceId || '(latest)'],
      ['Filter trace_group_id', options.groupId || '(none)'],
      ['Filter thread_id', options.threadId || '(none)'],
      ['Filter run_id', options.runId || '(none)'],
      ['Option limit', String(options.limit)],
      ['Option include_diff', String(options.diff)],
      ['Option include_headers', String(options.headers)],
      ['Option include_bodies', String(options.bodies)],
      ['Source trace', source.id],
      ['Source time', formatSecond(source.createdAtUs)],
      ['Source provider', source.provider || '(unknown)'],
      ['Source model', source.model || '(unknown)'],
      ['Source path', source.requestPath || '(unknown)'],
      ['Source status', String(source.responseStatus)],
      ['Chain identifier', chain.identifier],
      ['Chain group_id', chain.groupId || '(none)'],
      ['Chain thread_id', chain.threadId || '(none)'],
      ['Chain run_id', chain.runId || '(none)'],
      ['Chain checkpoints', String(chain.checkpoints.length)],
      ['Truncated', String(chain.truncated)],
    ]),
  )
  chain.checkpoints.forEach((trace, i) => writeStep(trace, i + 1, options, io))
  if (options.diff) writeDiffs(chain.diffs, io)
}

function writeDiffs(diffs: readonly CheckpointDiff[], io: Io): void {
  io.out('\nDiffs\n')
  if (diffs.length === 0) {
    io.out('(no checkpoint diffs)\n')
    return
  }
  io.out(
    textTable([
      [
        'FROM',
        'TO',
        'TOTAL_TOKENS_DELTA',
        'LATENCY_DELTA_MS',
        'PATH_CHANGED',
        'MODEL_CHANGED',
        'STATUS_CHANGED',
        'REQUEST_BODY_CHANGED',
        'RESPONSE_BODY_CHANGED',
        'METADATA_KEYS_CHANGED',
      ],
      ...diffs.map((diff) => [
        diff.from_checkpoint_id,
        diff.to_checkpoint_id,
        String(diff.total_tokens_delta),
        String(diff.latency_delta_ms),
        String(diff.request_path_changed),
        String(diff.model_changed),
        String(diff.response_status_changed),
        String(diff.request_body_changed),
        String(diff.response_body_changed),
        String(diff.metadata_keys_changed?.length ?? 0),
      ]),
    ]),
  )
  for (const diff of diffs) {
    const keys = [
      ['added', diff.metadata_keys_added],
      ['removed', diff.metadata_keys_removed],
      ['changed', diff.metadata_keys_changed],
    ] as const
    const rows = keys.flatMap(([name, list]) => (list ? [[name, list.join(',')]] : []))
    if (rows.length === 0) continue
    const { from_checkpoint_id: from, to_checkpoint_id: to } = diff
    io.out(`\nDiff ${visible(from)} -> ${visible(to)} metadata keys\n${textTable(rows)}`)
  }
}

function writeStep(trace: Trace, step: number, { headers, bodies }: DebugOptions, io: Io): void {
  const lineage = lineageOf(trace)
  const { cost } = trace.detail
  io.out(`\nStep ${step}: ${visible(trace.id)}\n`)
  io.out(
    textTable([
      ['time', formatSecond(trace.createdAtUs)],
      ['provider', trace.provider || '(unknown)'],
      ['model', trace.model || '(unknown)'],
      ...(trace.requestedModel && trace.requestedModel !== trace.model
        ? [['requested_model', trace.requestedModel]]
        : []),
      ['request', `${trace.requestMethod || 'UNKNOWN'} ${trace.requestPath || '(unknown)'}`],
      ['response_status', String(trace.responseStatus)],
      ['outcome', trace.errorCode ? `${trace.outcome} (${trace.errorCode})` : trace.outcome],
      ...(trace.providerError ? [['provider_error', trace.providerError]] : []),
      ['tokens', tokensText(trace)],
      ['usage', usageText(trace)],
      ['estimated_cost_usd', costText(trace, usdText, '(unknown)')],
      ['cost_status', cost.note ? `${cost.status} (${cost.note})` : cost.status],
      ['latency_ms', String(trace.latencyMs)],
      ['ttft_ms', String(trace.timeToFirstTokenMs)],
      ...(trace.finishReason ? [['finish_reason', trace.finishReason]] : []),
      ...Object.entries(attributionJson(trace)).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : contractJson(value),
      ]),
      [
        'lineage',
        `checkpoint=${lineage.checkpoint_id ?? '(none)'} parent=${lineage.parent_checkpoint_id ?? '(none)'} seq=${lineage.checkpoint_seq ?? 0} immutable=${lineage.immutable}`,
      ],
      ['metadata', contractJson(sorted(trace.metadata))],
    ]),
  )
  if (cost.lines.length > 0) {
    io.out(`receipt (${visible(cost.price_list)})\n`)
    io.out(
      textTable([
        ['  MODEL', 'BUCKET', 'AMOUNT', 'RATE', 'USD'],
        ...cost.lines.map((line) => [
          `  ${line.model}`,
          line.bucket,
          String('tokens' in line ? line.tokens : line.quantity),
          `${rateText(line)}${line.factor === undefined ? '' : ` × ${line.factor}`}${visible(originText(line))}`,
          usdText(toNanoUsd(lineAmount(line)), 9),
        ]),
      ]),
    )
  }
  if (headers) {
    io.out(`request_headers: ${visible(JSON.stringify(trace.requestHeaders))}\n`)
    io.out(`response_headers: ${visible(JSON.stringify(trace.responseHeaders))}\n`)
  }
  if (!bodies) return
  for (const [name, bytes] of [
    ['request_body', trace.requestBody],
    ['response_body', trace.responseBody],
  ] as const) {
    if (bytes && bytes.length > 0) io.out(`${name}: ${visible(Buffer.from(bytes).toString('utf8'))}\n`)
  }
}

function tokensText(trace: Trace): string {
  const mark = tokensMark(trace)
  const { inputTokens, outputTokens, totalTokens } = trace
  return `input=${mark}${inputTokens} output=${mark}${outputTokens} total=${mark}${totalTokens}`
}

function rateText(line: ReceiptLine): string {
  if ('tokens' in line) return String(line.usd_per_million)
  return line.price_per === 1 ? `${line.price_usd}` : `${line.price_usd}/${line.price_per}`
}

/** The rule of a rate, and its list if that is not the receipt's; empty for neither. */
function originText(line: ReceiptLine): string {
  const rule = 'tokens' in line && line.rule !== undefined ? [`rule ${line.rule}`] : []
  const less = line.discount === undefined ? '' : ` less ${line.discount}`
  const list = line.list === undefined ? [] : [`${line.list}${less}`]
  const origin = [...rule, ...list].join(', ')
  return origin === '' ? '' : ` (${origin})`
}

function usageText({ usageSource, detail }: Trace): string {
  const buckets = Object.entries(detail.usage.buckets).map(([bucket, tokens]) => `${bucket}=${tokens}`)
  return [usageSource, ...buckets].join(' ')
}

function sorted(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
}
