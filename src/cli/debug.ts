import { given, givenBody } from '../json-field.ts'
import { contractJson } from '../http/json-response.ts'
import { formatSecond, formatTime } from '../rfc3339.ts'
import { collectChain } from '../storage/lineage-chain.ts'
import type { TraceReader } from '../storage/storage.ts'
import { checkpointDiff, type CheckpointDiff } from '../traces/checkpoint-diff.ts'
import { lineageOf } from '../traces/lineage.ts'
import type { Trace } from '../traces/trace.ts'
import { receiptJson } from '../api/receipt-json.ts'
import { attributionJson, costJson, usageJson } from '../api/trace-json.ts'
import { lineAmount, type ReceiptLine } from '../usage/cost.ts'
import { formatNanoUsd, toNanoUsd } from '../usage/money.ts'
import { CONFIG_FLAG, FORMAT_FLAG, readFormat, type Command, type Io } from './command.ts'
import { writeDebugBundle } from './debug-bundle.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { textTable, visible } from './text-table.ts'

/** `ongoingai debug`: one exchange and the chain it belongs to, read from the store. */
export const debug: Command = {
  name: 'debug',
  summary: 'show the latest exchange, or a chain of them',
  usage:
    'debug [last] [--config path/to/ongoingai.yaml] [--trace-id ID] [--trace-group-id ID] [--thread-id ID] [--run-id ID] [--format text|json] [--limit N] [--diff] [--bundle-out PATH] [--include-headers] [--include-bodies]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'trace-id', type: 'string', description: 'Trace ID to debug (defaults to latest trace)' },
    { name: 'trace-group-id', type: 'string', description: 'Trace group ID filter' },
    { name: 'thread-id', type: 'string', description: 'Thread ID filter' },
    { name: 'run-id', type: 'string', description: 'Run ID filter' },
    { name: 'limit', type: 'int', description: 'Maximum checkpoints to include (1-500)', default: '200' },
    { name: 'diff', type: 'bool', description: 'Include redaction-safe checkpoint diffs' },
    {
      name: 'bundle-out',
      type: 'string',
      description: 'Directory to write debug bundle (debug-chain.json + manifest.json)',
    },
    { name: 'include-headers', type: 'bool', description: 'Include request/response headers' },
    { name: 'include-bodies', type: 'bool', description: 'Include request/response bodies' },
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
      const reader = store.storage.everywhere()
      const source = await findSource(reader, options)
      if (!source) {
        io.err(options.traceId === '' ? 'no traces found in storage\n' : 'trace not found\n')
        return 1
      }
      const chain = await readChain(reader, source, options)
      const generatedAt = formatSecond(Date.now() * 1000)
      const document = chainJson(chain, options, generatedAt)
      if (options.format === 'json') io.out(`${contractJson(document, 2)}\n`)
      else writeText(chain, options, generatedAt, io)
      return options.bundle === '' ? 0 : writeBundle(document, chain, options, generatedAt, io)
    } catch (error) {
      io.err(`failed to build debug chain: ${error instanceof Error ? error.message : String(error)}\n`)
      return 1
    } finally {
      await store.storage.close()
    }
  },
}

interface Options {
  readonly format: 'text' | 'json'
  readonly traceId: string
  readonly groupId: string
  readonly threadId: string
  readonly runId: string
  readonly limit: number
  readonly diff: boolean
  /** Folder for a bundle; empty for none. */
  readonly bundle: string
  readonly headers: boolean
  readonly bodies: boolean
}

interface Chain {
  readonly source: Trace
  readonly checkpoints: readonly Trace[]
  readonly truncated: boolean
  readonly groupId: string
  readonly threadId: string
  readonly runId: string
  readonly identifier: string
  /** From each checkpoint to the next; empty unless asked for. */
  readonly diffs: readonly CheckpointDiff[]
}

function readOptions(parsed: Arguments): Options | { problem: string } {
  const { values, positional } = parsed
  const text = (name: string): string => (values.get(name) ?? '').trim()
  const selected = {
    traceId: text('trace-id'),
    groupId: text('trace-group-id'),
    threadId: text('thread-id'),
    runId: text('run-id'),
  }
  if (positional.length > 1) return { problem: 'debug accepts at most one positional argument: last' }
  const word = positional[0]?.trim()
  if (word !== undefined && word !== 'last') return { problem: 'debug positional argument must be "last"' }
  if (word === 'last' && Object.values(selected).some((value) => value !== '')) {
    return {
      problem: 'debug "last" cannot be combined with --trace-id, --trace-group-id, --thread-id, or --run-id',
    }
  }
  if (selected.traceId !== '' && (selected.groupId || selected.threadId || selected.runId)) {
    return { problem: 'trace-id cannot be combined with trace-group-id/thread-id/run-id filters' }
  }
  const format = readFormat('debug', parsed)
  if ('problem' in format) return format
  const limit = Number(values.get('limit') ?? 200)
  if (limit < 1 || limit > 500) return { problem: 'limit must be between 1 and 500' }
  return {
    ...selected,
    format: format.format,
    limit,
    diff: values.get('diff') === 'true',
    bundle: text('bundle-out'),
    headers: values.get('include-headers') === 'true',
    bodies: values.get('include-bodies') === 'true',
  }
}

async function findSource(reader: TraceReader, options: Options): Promise<Trace | undefined> {
  if (options.traceId !== '') return reader.getTrace(options.traceId)
  const { groupId, threadId, runId } = options
  const filter = {
    ...(groupId === '' ? {} : { traceGroupId: groupId }),
    ...(threadId === '' ? {} : { threadId }),
    ...(runId === '' ? {} : { runId }),
  }
  const { items } = await reader.wholeTraces(filter, { limit: 1, order: 'newest', bodies: true })
  return items[0]
}

async function readChain(reader: TraceReader, source: Trace, options: Options): Promise<Chain> {
  const filtered = [options.groupId, options.threadId, options.runId].some((value) => value !== '')
  const own = lineageOf(source)
  const common = {
    groupId: filtered ? options.groupId : (own.group_id ?? ''),
    threadId: filtered ? options.threadId : (own.thread_id ?? ''),
    runId: filtered ? options.runId : (own.run_id ?? ''),
  }
  const names = [
    ...(common.groupId === '' ? [] : ['trace_group_id']),
    ...(common.threadId === '' ? [] : ['lineage_thread_id']),
    ...(common.runId === '' ? [] : ['lineage_run_id']),
  ]
  const bodies = options.bodies || options.diff
  const { traces, truncated } = await collectChain(reader, source, common, { limit: options.limit, bodies })
  return {
    ...common,
    source,
    checkpoints: traces,
    truncated,
    identifier: filtered && names.length > 1 ? 'composite_filter' : (names[0] ?? '(single trace)'),
    diffs: options.diff ? traces.slice(1).map((trace, i) => checkpointDiff(traces[i]!, trace)) : [],
  }
}

/** @returns the exit status */
function writeBundle(document: object, chain: Chain, options: Options, generatedAt: string, io: Io): number {
  const mode = options.traceId === '' ? (isFiltered(options) ? 'filter' : 'latest') : 'trace_id'
  try {
    const manifest = writeDebugBundle(options.bundle, document, {
      generated_at: generatedAt,
      selection_mode: mode,
      selection: selectionJson(options),
      limit: options.limit,
      include_diff: options.diff,
      include_bodies: options.bodies,
      include_headers: options.headers,
      chain: {
        source_trace_id: chain.source.id,
        checkpoint_count: chain.checkpoints.length,
        truncated: chain.truncated,
        diff_count: chain.diffs.length,
        target_checkpoint_id: chain.source.id,
      },
    })
    io.err(`wrote debug bundle: ${manifest}\n`)
    return 0
  } catch (error) {
    io.err(`failed to write debug bundle: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

function isFiltered({ groupId, threadId, runId }: Options): boolean {
  return groupId !== '' || threadId !== '' || runId !== ''
}

function selectionJson(options: Options): object {
  return {
    ...given('trace_id', options.traceId),
    ...given('trace_group_id', options.groupId),
    ...given('thread_id', options.threadId),
    ...given('run_id', options.runId),
  }
}

function chainJson(chain: Chain, options: Options, generatedAt: string): object {
  return {
    schema_version: 'debug-chain.v1',
    generated_at: generatedAt,
    selection: selectionJson(options),
    options: {
      limit: options.limit,
      include_diff: options.diff,
      include_headers: options.headers,
      include_bodies: options.bodies,
    },
    source_trace_id: chain.source.id,
    source_timestamp: formatTime(chain.source.createdAtUs),
    source: checkpointJson(chain.source, 0, options),
    chain: {
      ...given('group_id', chain.groupId),
      ...given('thread_id', chain.threadId),
      ...given('run_id', chain.runId),
      target_checkpoint_id: chain.source.id,
      checkpoint_count: chain.checkpoints.length,
      truncated: chain.truncated,
      checkpoints: chain.checkpoints.map((trace, i) => checkpointJson(trace, i + 1, options)),
      lineage_identifier: chain.identifier,
    },
    ...(chain.diffs.length > 0 ? { diffs: chain.diffs } : {}),
  }
}

function checkpointJson(trace: Trace, step: number, { headers, bodies }: Options): object {
  return {
    step,
    id: trace.id,
    timestamp: formatTime(trace.startedAtUs),
    created_at: formatTime(trace.createdAtUs),
    provider: trace.provider,
    ...given('requested_model', trace.requestedModel),
    model: trace.model,
    request_method: trace.requestMethod,
    request_path: trace.requestPath,
    response_status: trace.responseStatus,
    outcome: trace.outcome,
    ...given('error_code', trace.errorCode),
    ...usageJson(trace),
    ...costJson(trace),
    latency_ms: trace.latencyMs,
    time_to_first_token_ms: trace.timeToFirstTokenMs,
    time_to_first_token_us: trace.timeToFirstTokenUs,
    ...given('finish_reason', trace.finishReason),
    ...attributionJson(trace),
    usage: trace.detail.usage,
    cost: receiptJson(trace.detail.cost),
    timing: trace.detail.timing,
    lineage: lineageOf(trace),
    metadata: trace.metadata,
    ...(headers
      ? {
          request_headers: JSON.stringify(trace.requestHeaders),
          response_headers: JSON.stringify(trace.responseHeaders),
        }
      : {}),
    ...(bodies
      ? { ...givenBody('request_body', trace.requestBody), ...givenBody('response_body', trace.responseBody) }
      : {}),
  }
}

function writeText(chain: Chain, options: Options, generatedAt: string, io: Io): void {
  const { source } = chain
  io.out('OngoingAI Debug Chain\n')
  io.out(
    textTable([
      ['Schema version', 'debug-chain.v1'],
      ['Generated at', generatedAt],
      ['Filter trace_id', options.traceId || '(latest)'],
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

function writeStep(trace: Trace, step: number, { headers, bodies }: Options, io: Io): void {
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
      ['tokens', `input=${trace.inputTokens} output=${trace.outputTokens} total=${trace.totalTokens}`],
      ['usage', usageText(trace)],
      ['estimated_cost_usd', trace.costNanoUsd === null ? '(unknown)' : formatNanoUsd(trace.costNanoUsd, 6)],
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
          `${rateText(line)}${line.factor === undefined ? '' : ` × ${line.factor}`}`,
          formatNanoUsd(toNanoUsd(lineAmount(line)), 9),
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

function rateText(line: ReceiptLine): string {
  if ('tokens' in line) return String(line.usd_per_million)
  return line.price_per === 1 ? `${line.price_usd}` : `${line.price_usd}/${line.price_per}`
}

function usageText({ usageSource, detail }: Trace): string {
  const buckets = Object.entries(detail.usage.buckets).map(([bucket, tokens]) => `${bucket}=${tokens}`)
  return [usageSource, ...buckets].join(' ')
}

function sorted(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
}
