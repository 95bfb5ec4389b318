import { jsonResponse } from '../http/json-response.ts'
import { withTimeout } from '../time/with-timeout.ts'
import { isInScope } from '../access/in-scope.ts'
import type { ApiContext, ApiHandler } from './api-context.ts'
import { readScopeOf } from './read-scope.ts'

/** How long a count or a check may be repeated without asking again: the routes are public and must stay cheap. */
const FRESH_MS = 2000

/** How long a check waits for the store. */
const CHECK_MS = 1000

/** `/`: what this is. */
export const getRoot: ApiHandler = (_, { version }) =>
  jsonResponse(200, { name: 'ongoingai gateway', status: 'ok', version })

/** `GET /api/live`: the process serves. */
export const getLive: ApiHandler = () => jsonResponse(200, { status: 'ok' })

/** `GET /api/hello`: what Anthropic's API says there. Claude Code asks it to open a connection before its first request. */
export const getHello: ApiHandler = () => jsonResponse(200, { message: 'hello' })

/**
 * `GET /api/ready`: 503 with the names of the failing checks while the gateway should get no traffic. A store that
 * is down is not among them: exchanges are served and journalled all the same.
 */
export const getReady: ApiHandler = (_, context) => {
  const full = context.diagnostics().queue_pressure_state === 'saturated'
  const failing = [...(context.leaving() ? ['shutting_down'] : []), ...(full ? ['trace_queue'] : [])]
  if (failing.length === 0) return jsonResponse(200, { status: 'ok' })
  return jsonResponse(503, { status: 'unavailable', failing })
}

/** `GET /api/health`: always 200; `degraded` when the store does not respond, or traces wait or were dropped. */
export const getHealth: ApiHandler = async (_, context) => {
  const store = await storeState(context)
  const { journal_records, total_dropped_total } = context.diagnostics()
  const degraded = !store.reachable || journal_records > 0 || total_dropped_total > 0
  return jsonResponse(200, {
    status: degraded ? 'degraded' : 'ok',
    version: context.version,
    uptime_sec: Math.floor((Date.now() - context.startedAt) / 1000),
    storage_driver: context.storageDriver,
    trace_count: store.traces,
    ...(store.bytes > 0 ? { db_size_bytes: store.bytes } : {}),
  })
}

/**
 * `GET /api/diagnostics/trace-pipeline`: the recorder's state. The operator sees the counts of the whole process, others those of
 * what they may read.
 */
export const getTracePipeline: ApiHandler = async (request, context) => {
  const scope = await readScopeOf(request, context)
  return jsonResponse(200, {
    schema_version: 'trace-pipeline-diagnostics.v1',
    generated_at: new Date().toISOString(),
    diagnostics: {
      ...(!scope || scope.unowned
        ? context.diagnostics()
        : context.tenantDiagnostics((tenant) => isInScope(scope, tenant))),
      store_driver: context.storageDriver,
    },
  })
}

interface StoreState {
  readonly reachable: boolean
  readonly traces: number
  readonly bytes: number
}

const states = new WeakMap<ApiContext, { at: number; state: Promise<StoreState> }>()

function storeState(context: ApiContext): Promise<StoreState> {
  const known = states.get(context)
  const now = performance.now()
  if (known && now - known.at < FRESH_MS) return known.state
  const state = readStore(context)
  states.set(context, { at: now, state })
  return state
}

async function readStore(context: ApiContext): Promise<StoreState> {
  try {
    return { reachable: true, ...(await withTimeout(context.extent(), CHECK_MS)) }
  } catch {
    return { reachable: false, traces: 0, bytes: 0 }
  }
}
