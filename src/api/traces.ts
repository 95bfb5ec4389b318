import { defined } from '../presentation/defined.ts'
import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import { CursorError, decodeCursor, encodeCursor } from '../storage/cursor.ts'
import type { TraceFilter } from '../storage/contract/trace-filter.ts'
import type { ListOrder, TraceReader } from '../storage/contract/traces.ts'
import type { Trace } from '../traces/trace.ts'
import type { ApiHandler } from './api-context.ts'
import { invalidParameter, type QueryParameters } from './query-parameters.ts'
import { readerOf } from './read-scope.ts'
import { storeFailing } from './store-failing.ts'
import { FILTER_PARAMETERS, RANGE_PARAMETERS, readCommonFilter, readRange } from './trace-filter.ts'
import { traceDetailJson, traceSummaryJson } from '../presentation/trace-json.ts'

const MAX_TOKENS = 10_000_000

/** The parameters of a list of traces. */
export const LIST_PARAMETERS = [
  ...RANGE_PARAMETERS,
  ...FILTER_PARAMETERS,
  'status',
  'min_tokens',
  'max_tokens',
  'trace_group_id',
  'thread_id',
  'run_id',
  'order',
  'limit',
  'cursor',
] as const

/** `GET /api/traces`: newest first, or in the order of arrival to follow them; a page at a time. */
export const listTraces: ApiHandler = async (request, context) => {
  const { query: parameters } = request
  const limit = parameters.integer('limit', 0, 200) || 50
  const filter = readFilter(parameters, Date.now() * 1000)
  const order = readOrder(parameters)
  const cursor = parameters.text('cursor')
  const after = cursor === undefined ? {} : { after: readCursor(cursor) }
  const reader = await readerOf(request, context)
  const page = await storeFailing('failed to query traces', () =>
    reader.listTraces(filter, { limit, order, ...after }),
  )
  return jsonResponse(200, {
    items: page.items.map(traceSummaryJson),
    ...(page.next ? { next_cursor: encodeCursor(page.next) } : {}),
  })
}

/** `GET /api/traces/:id`: everything that was recorded of one exchange that the caller may read. */
export const getTrace: ApiHandler = async (request, context) => {
  const reader = await readerOf(request, context)
  return jsonResponse(200, traceDetailJson(await loadTrace(reader, request.parameters['id'] ?? '')))
}

/** @throws GatewayError `trace_not_found` when the reader's scope has no trace of that id */
export async function loadTrace(reader: TraceReader, id: string): Promise<Trace> {
  const trace = await storeFailing('failed to read trace', () => reader.getTrace(id))
  if (!trace) throw new GatewayError('trace_not_found', 'trace not found')
  return trace
}

/** Reads the filters in the contract's order, so that the first mistake is the one that is reported. */
function readFilter(parameters: QueryParameters, nowUs: number): TraceFilter {
  const status = parameters.integer('status', 100, 599)
  const minTokens = parameters.integer('min_tokens', 0, MAX_TOKENS) || undefined
  const maxTokens = parameters.integer('max_tokens', 0, MAX_TOKENS) || undefined
  if (minTokens !== undefined && maxTokens !== undefined && maxTokens < minTokens) {
    throw invalidParameter('max_tokens must be greater than or equal to min_tokens')
  }
  return {
    ...readRange(parameters, nowUs),
    ...readCommonFilter(parameters),
    ...defined({
      status,
      minTokens,
      maxTokens,
      traceGroupId: parameters.text('trace_group_id'),
      threadId: parameters.text('thread_id'),
      runId: parameters.text('run_id'),
    }),
  }
}

function readOrder(parameters: QueryParameters): ListOrder {
  const order = parameters.oneOf('order', ['asc', 'desc'], 'order must be asc or desc')
  return order === 'asc' ? 'arrival' : 'newest'
}

function readCursor(text: string): ReturnType<typeof decodeCursor> {
  try {
    return decodeCursor(text)
  } catch (error) {
    if (error instanceof CursorError) throw invalidParameter(error.message)
    throw error
  }
}
