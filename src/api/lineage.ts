import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import { given } from '../wire/json/json-field.ts'
import { formatTime } from '../time/rfc3339.ts'
import type { TraceReader } from '../storage/contract/traces.ts'
import { collectChain } from '../storage/lineage-chain.ts'
import { lineageOf } from '../traces/lineage.ts'
import type { Trace } from '../traces/trace.ts'
import type { ApiContext, ApiHandler } from './api-context.ts'
import { readJsonObject } from './json-body.ts'
import { badRequest } from '../presentation/bad-request.ts'
import { readerOf } from './read-scope.ts'
import { storeFailing } from './store-failing.ts'
import { traceDetailJson } from '../presentation/trace-json.ts'
import { loadTrace } from './traces.ts'

const MAX_CHECKPOINTS = 500
const DEFAULT_CHECKPOINTS = 200

const FORK_BODY = {
  maxBytes: 16_384,
  invalid: 'invalid fork request body',
  tooLarge: 'fork request body too large',
}

/** The parameters of a replay. */
export const REPLAY_PARAMETERS = ['thread_id', 'run_id', 'checkpoint_id', 'limit'] as const

/** `GET /api/traces/:id/replay`: the checkpoints that led to a trace, or to one of its chain, in order. */
export const replayTrace: ApiHandler = async (request, context) => {
  const all = await readerOf(request, context)
  const source = await loadTrace(all, request.parameters['id'] ?? '')
  const reader = readerAround(source, all, context)
  const asked = request.query
  const limit = asked.integer('limit', 0, MAX_CHECKPOINTS) || DEFAULT_CHECKPOINTS
  const own = lineageOf(source)
  const groupId = own.group_id ?? ''
  const threadId = asked.text('thread_id') ?? own.thread_id ?? ''
  const runId = asked.text('run_id') ?? own.run_id ?? ''
  // Threads and runs are named within a group. Without one the trace has no chain.
  const chain = groupId === '' ? { groupId: '', threadId: '', runId: '' } : { groupId, threadId, runId }
  const { traces, truncated } = await storeFailing('failed to query replay checkpoints', () =>
    collectChain(reader, source, chain, { limit, bodies: false }),
  )
  const wanted = asked.text('checkpoint_id') ?? source.id.trim()
  const position = positionOf(traces, wanted)
  if (position < 0) throw new GatewayError('checkpoint_not_found', 'checkpoint not found')
  const target = traces[position]!
  const lineage = lineageOf(target)
  return jsonResponse(200, {
    source_trace_id: source.id,
    target_checkpoint_id: target.id,
    lineage: {
      ...given('group_id', lineage.group_id ?? groupId),
      ...given('thread_id', lineage.thread_id ?? threadId),
      ...given('run_id', lineage.run_id ?? runId),
      ...lineage,
    },
    checkpoints: traces.slice(0, position + 1).map(checkpointJson),
    truncated,
    target_trace: traceDetailJson(target.id === source.id ? source : await loadTrace(reader, target.id)),
  })
}

/** Groups are named within a workspace: another's of the same name is no part of the chain. */
function readerAround(
  { organizationId, workspaceId }: Trace,
  all: TraceReader,
  context: ApiContext,
): TraceReader {
  return organizationId === '' ? all : context.readerFor({ organizationId, workspaceIds: [workspaceId] })
}

/** By the trace's own id first; a name that only the lineage has counts too. */
function positionOf(traces: readonly Trace[], id: string): number {
  const byId = traces.findIndex((trace) => trace.id.trim() === id)
  return byId >= 0 ? byId : traces.findIndex((trace) => lineageOf(trace).checkpoint_id === id)
}

function checkpointJson(trace: Trace): object {
  return {
    id: trace.id,
    timestamp: formatTime(trace.startedAtUs),
    provider: trace.provider,
    model: trace.model,
    request_method: trace.requestMethod,
    request_path: trace.requestPath,
    response_status: trace.responseStatus,
    total_tokens: trace.totalTokens,
    latency_ms: trace.latencyMs,
    created_at: formatTime(trace.createdAtUs),
    lineage: lineageOf(trace),
  }
}

/** `POST /api/traces/:id/fork`: the header fields of a request that continues from a checkpoint. Stores nothing. */
export const forkTrace: ApiHandler = async (request, context) => {
  const all = await readerOf(request, context)
  const source = await loadTrace(all, request.parameters['id'] ?? '')
  const reader = readerAround(source, all, context)
  const asked = await readFork(request.body)
  const checkpointId = asked.checkpoint_id ?? source.id.trim()
  const checkpoint = checkpointId === source.id.trim() ? source : await loadTrace(reader, checkpointId)
  const [from, own] = [lineageOf(checkpoint), lineageOf(source)]
  if (from.group_id !== undefined && own.group_id !== undefined && from.group_id !== own.group_id) {
    throw badRequest('checkpoint must belong to the same trace lineage group')
  }
  const sequence = (from.checkpoint_seq ?? 0) + 1
  const lineage = {
    group_id: from.group_id ?? own.group_id ?? checkpoint.id,
    thread_id: asked.thread_id ?? from.thread_id ?? own.thread_id ?? `thread_${checkpoint.id}`,
    run_id: asked.run_id ?? `run_${randomHex()}`,
    parent_checkpoint_id: checkpoint.id,
    checkpoint_seq: sequence > 0 ? sequence : 1,
  }
  return jsonResponse(200, {
    fork_id: `fork_${randomHex()}`,
    source_trace_id: source.id,
    source_checkpoint_id: checkpoint.id,
    lineage,
    headers: {
      'X-OngoingAI-Checkpoint-Seq': String(lineage.checkpoint_seq),
      'X-OngoingAI-Parent-Checkpoint-ID': lineage.parent_checkpoint_id,
      'X-OngoingAI-Run-ID': lineage.run_id,
      'X-OngoingAI-Thread-ID': lineage.thread_id,
      'X-OngoingAI-Trace-Group-ID': lineage.group_id,
    },
  })
}

type ForkField = 'checkpoint_id' | 'thread_id' | 'run_id'
const FORK_FIELDS: ReadonlySet<string> = new Set<ForkField>(['checkpoint_id', 'thread_id', 'run_id'])

/** Reads a fork's body: texts of known names; blank ones and `null` count as absent. */
async function readFork(
  body: ReadableStream<Uint8Array> | null,
): Promise<{ readonly [field in ForkField]?: string }> {
  const members = await readJsonObject(body, FORK_BODY)
  const fields: { [field in ForkField]?: string } = {}
  for (const [name, content] of Object.entries(members)) {
    if (!FORK_FIELDS.has(name) || (typeof content !== 'string' && content !== null)) {
      throw badRequest(FORK_BODY.invalid)
    }
    if (content?.trim()) fields[name as ForkField] = content.trim()
  }
  return fields
}

function randomHex(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')
}
