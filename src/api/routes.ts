import type { Permission } from '../access/permissions.ts'
import { ROUTE_PERMISSIONS, type RouteMethod, type RouteName } from '../access/route-permissions.ts'
import type { ApiHandler } from './api-context.ts'
import { AUDIT_PARAMETERS, listAudit } from './audit.ts'
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from './gateway-keys.ts'
import { getHealth, getHello, getLive, getReady, getRoot, getTracePipeline } from './health.ts'
import {
  getCost,
  getErrors,
  getKeys,
  getLatency,
  getModels,
  getSummary,
  getUsage,
  GROUPED_PARAMETERS,
  GROUPS_PARAMETERS,
  SERIES_PARAMETERS,
  SUMMARY_PARAMETERS,
} from './analytics.ts'
import { raiseLimit, resetLimit } from './limit-changes.ts'
import { getLimits, LIMITS_PARAMETERS } from './limits.ts'
import { forkTrace, REPLAY_PARAMETERS, replayTrace } from './lineage.ts'
import { getOpenApi } from './openapi.ts'
import { getTargets } from './targets.ts'
import { getTrace, LIST_PARAMETERS, listTraces } from './traces.ts'

/** One row of the route table. Authorization looks at the row that matched, never at the URL again. */
export interface Route {
  readonly method: RouteMethod
  /** Segments; `:name` stands for one segment of any value. */
  readonly path: string
  readonly permission: Permission | 'public'
  /** Parameters that its query takes; `any` where unknown ones are ignored. */
  readonly query: readonly string[] | 'any'
  readonly handler: ApiHandler
}

/** Parameters of a route about workspaces: its own, and `workspace_id`. */
const reading = (own: readonly string[] = []): readonly string[] => [...own, 'workspace_id']

/** The handler of each route and the parameters it takes. A new route is a line here and one in `ROUTE_PERMISSIONS`. */
const HANDLERS: Readonly<Record<RouteName, Pick<Route, 'query' | 'handler'>>> = {
  'GET /': { query: 'any', handler: getRoot },
  'GET /api/health': { query: 'any', handler: getHealth },
  'GET /api/live': { query: 'any', handler: getLive },
  'GET /api/hello': { query: 'any', handler: getHello },
  'GET /api/ready': { query: 'any', handler: getReady },
  'GET /api/openapi.yaml': { query: [], handler: getOpenApi },
  'GET /api/diagnostics/trace-pipeline': { query: reading(), handler: getTracePipeline },
  'GET /api/traces': { query: reading(LIST_PARAMETERS), handler: listTraces },
  'GET /api/traces/:id': { query: reading(), handler: getTrace },
  'GET /api/traces/:id/replay': { query: reading(REPLAY_PARAMETERS), handler: replayTrace },
  'POST /api/traces/:id/fork': { query: reading(), handler: forkTrace },
  'GET /api/analytics/usage': { query: reading(SERIES_PARAMETERS), handler: getUsage },
  'GET /api/analytics/cost': { query: reading(SERIES_PARAMETERS), handler: getCost },
  'GET /api/analytics/models': { query: reading(GROUPS_PARAMETERS), handler: getModels },
  'GET /api/analytics/keys': { query: reading(GROUPS_PARAMETERS), handler: getKeys },
  'GET /api/analytics/latency': { query: reading(GROUPED_PARAMETERS), handler: getLatency },
  'GET /api/analytics/errors': { query: reading(GROUPED_PARAMETERS), handler: getErrors },
  'GET /api/analytics/summary': { query: reading(SUMMARY_PARAMETERS), handler: getSummary },
  'GET /api/gateway-keys': { query: reading(), handler: listKeys },
  'POST /api/gateway-keys': { query: reading(), handler: createKey },
  'GET /api/gateway-keys/:id': { query: reading(['org_id']), handler: getKey },
  'PATCH /api/gateway-keys/:id': { query: reading(['org_id']), handler: updateKey },
  'DELETE /api/gateway-keys/:id': { query: reading(['org_id']), handler: revokeKey },
  'POST /api/gateway-keys/:id/rotate': { query: reading(['org_id']), handler: rotateKey },
  'GET /api/targets': { query: reading(), handler: getTargets },
  'GET /api/limits': { query: reading(LIMITS_PARAMETERS), handler: getLimits },
  'POST /api/limits/:policy/reset': { query: [], handler: resetLimit },
  'POST /api/limits/:policy/raise': { query: [], handler: raiseLimit },
  'GET /api/audit': { query: reading(AUDIT_PARAMETERS), handler: listAudit },
}

/** Every route of the gateway's own. Provider prefixes come before it and need `proxy:write`. */
export const ROUTES: readonly Route[] = Object.entries(HANDLERS).map(([name, handled]) => {
  const [method, path] = name.split(' ') as [RouteMethod, string]
  return { method, path, permission: ROUTE_PERMISSIONS[name as RouteName], ...handled }
})

/** How the table matches a request. */
export type RouteMatch =
  | { readonly kind: 'route'; readonly route: Route; readonly parameters: Readonly<Record<string, string>> }
  /** The path is known, the method is not; `allow` lists the methods of the path. */
  | { readonly kind: 'wrong_method'; readonly allow: string }
  | { readonly kind: 'nothing' }

/**
 * Looks a request up in the table. `HEAD` goes where `GET` goes; one trailing slash after a parameter is ignored.
 *
 * @param path in its plain reading
 */
export function matchRoute(method: string, path: string): RouteMatch {
  const wanted = method === 'HEAD' ? 'GET' : method
  const allowed = new Set<string>()
  for (const route of ROUTES) {
    const parameters = match(route.path, path)
    if (!parameters) continue
    if (route.method === wanted) return { kind: 'route', route, parameters }
    allowed.add(route.method)
  }
  if (allowed.size === 0) return { kind: 'nothing' }
  const methods = [...allowed].flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]))
  return { kind: 'wrong_method', allow: [...methods, 'OPTIONS'].join(', ') }
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  if (!pattern.includes(':')) return pattern === path ? {} : undefined
  const wanted = pattern.split('/')
  const given = path.replace(/\/$/, '').split('/')
  if (wanted.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [i, segment] of wanted.entries()) {
    const value = given[i]!
    if (segment.startsWith(':')) {
      const decoded = decode(value)
      if (decoded === undefined || decoded.trim() === '') return undefined
      parameters[segment.slice(1)] = decoded.trim()
    } else if (segment !== value) return undefined
  }
  return parameters
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
