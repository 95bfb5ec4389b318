import { contractJson } from '../wire/json/contract-json.ts'
import { receiptJson } from '../presentation/receipt-json.ts'
import { attributionJson, costJson, usageJson } from '../presentation/trace-json.ts'
import { formatSecond, formatTime } from '../time/rfc3339.ts'
import { lineageOf } from '../traces/lineage.ts'
import type { Trace } from '../traces/trace.ts'
import { given, givenBody } from '../wire/json/json-field.ts'
import { type Io, readFormat } from './command.ts'
import { writeDebugBundle } from './debug-bundle.ts'
import { type DebugChain, type DebugOptions, findSource, readChain } from './debug-chain.ts'
import { writeDebugText } from './debug-text.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'

/** `ongoingai debug`: one exchange and the chain it belongs to, read from the store. */
export async function debug(parsed: Arguments, io: Io): Promise<number> {
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
    else writeDebugText(chain, options, generatedAt, io)
    return options.bundle === '' ? 0 : writeBundle(document, chain, options, generatedAt, io)
  } catch (error) {
    io.err(`failed to build debug chain: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await store.storage.close()
  }
}

function readOptions(parsed: Arguments): DebugOptions | { problem: string } {
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

/** @returns the exit status */
function writeBundle(
  document: object,
  chain: DebugChain,
  options: DebugOptions,
  generatedAt: string,
  io: Io,
): number {
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

function isFiltered({ groupId, threadId, runId }: DebugOptions): boolean {
  return groupId !== '' || threadId !== '' || runId !== ''
}

function selectionJson(options: DebugOptions): object {
  return {
    ...given('trace_id', options.traceId),
    ...given('trace_group_id', options.groupId),
    ...given('thread_id', options.threadId),
    ...given('run_id', options.runId),
  }
}

function chainJson(chain: DebugChain, options: DebugOptions, generatedAt: string): object {
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

function checkpointJson(trace: Trace, step: number, { headers, bodies }: DebugOptions): object {
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
    ...given('provider_error', trace.providerError),
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
