import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import { CursorError, decodeCursor, encodeCursor } from '../storage/cursor.ts'
import type { TraceFilter } from '../storage/storage.ts'
import type { ApiHandler } from './api-context.ts'
import { QueryParameters } from './query-parameters.ts'
import { traceDetailJson, traceSummaryJson } from './trace-json.ts'

const MAX_TOKENS = 10_000_000

/** `GET /api/traces`: newest first, a page at a time. */
export const listTraces: ApiHandler = async ({ query, caller }, context) => {
  const parameters = new QueryParameters(query)
  const limit = parameters.integer('limit', 0, 200) || 50
  const filter = readFilter(parameters)
  const cursor = parameters.text('cursor')
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const page = await failing('failed to query traces', () =>
    context.readerFor(caller).listTraces(filter, limit, after),
  )
  return jsonResponse(200, {
    items: page.items.map(traceSummaryJson),
    ...(page.next ? { next_cursor: encodeCursor(page.next) } : {}),
  })
}

/** `GET /api/traces/:id`: everything that was recorded of one exchange of the caller's tenant. */
export const getTrace: ApiHandler = async ({ parameters, caller }, context) => {
  const id = parameters['id'] ?? ''
  const trace = await failing('failed to read trace', () => context.readerFor(caller).getTrace(id))
  if (!trace) throw new GatewayError('trace_not_found', 'trace not found')
  return jsonResponse(200, traceDetailJson(trace))
}

/** Reads the filters in the contract's order, so that the first mistake is the one that is reported. */
function readFilter(parameters: QueryParameters): TraceFilter {
  const status = parameters.integer('status', 100, 599)
  const minTokens = parameters.integer('min_tokens', 0, MAX_TOKENS) || undefined
  const maxTokens = parameters.integer('max_tokens', 0, MAX_TOKENS) || undefined
  if (minTokens !== undefined && maxTokens !== undefined && maxTokens < minTokens) {
    throw new GatewayError('bad_request', 'max_tokens must be greater than or equal to min_tokens')
  }
  const fromUs = parameters.time('from')
  const toUs = parameters.time('to')
  if (fromUs !== undefined && toUs !== undefined && toUs < fromUs) {
    throw new GatewayError('bad_request', 'to must be greater than or equal to from')
  }
  return defined({
    status,
    minTokens,
    maxTokens,
    fromUs,
    toUs,
    traceGroupId: parameters.text('trace_group_id'),
    threadId: parameters.text('thread_id'),
    runId: parameters.text('run_id'),
    provider: parameters.text('provider'),
    model: parameters.text('model'),
    apiKeyHash: parameters.text('api_key_hash'),
    sessionId: parameters.text('session_id'),
    endUser: parameters.text('end_user'),
    client: parameters.text('client'),
    tags: parameters.group('tag.'),
  })
}

function defined(filter: {
  readonly [name in keyof TraceFilter]: TraceFilter[name] | undefined
}): TraceFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

function readCursor(text: string): ReturnType<typeof decodeCursor> {
  try {
    return decodeCursor(text)
  } catch (error) {
    if (error instanceof CursorError) throw new GatewayError('bad_request', error.message)
    throw error
  }
}

/** The store's own words are not for callers. */
async function failing<T>(message: string, question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (error) {
    throw new GatewayError('storage_unavailable', message, { cause: error })
  }
}
