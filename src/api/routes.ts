import type { Permission } from '../access/permissions.ts'
import type { ApiHandler } from './api-context.ts'
import { AUDIT_PARAMETERS, listAudit } from './audit.ts'
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from './gateway-keys.ts'
import { getHealth, getLive, getReady, getRoot, getTracePipeline } from './health.ts'
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
import { getTrace, LIST_PARAMETERS, listTraces } from './traces.ts'

/** One row of the route table. Authorization looks at the row the router found, never at the URL again. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Segments; `:name` stands for one segment of any value. */
  readonly path: string
  readonly permission: Permission | 'public'
  /** Parameters that its query takes; `any` where unknown ones are ignored. */
  readonly query: readonly string[] | 'any'
  readonly handler: ApiHandler
}

/** Parameters of a route that reads or changes what is in workspaces: its own, and which workspaces it is about. */
const reading = (own: readonly string[] = []): readonly string[] => [...own, 'workspace_id']

/** Every route of the gateway's own. Provider prefixes come before it and need `proxy:write`. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/', permission: 'public', query: 'any', handler: getRoot },
  { method: 'GET', path: '/api/health', permission: 'public', query: 'any', handler: getHealth },
  { method: 'GET', path: '/api/live', permission: 'public', query: 'any', handler: getLive },
  { method: 'GET', path: '/api/ready', permission: 'public', query: 'any', handler: getReady },
  { method: 'GET', path: '/api/openapi.yaml', permission: 'public', query: [], handler: getOpenApi },
  {
    method: 'GET',
    path: '/api/diagnostics/trace-pipeline',
    permission: 'analytics:read',
    query: reading(),
    handler: getTracePipeline,
  },
  {
    method: 'GET',
    path: '/api/traces',
    permission: 'analytics:read',
    query: reading(LIST_PARAMETERS),
    handler: listTraces,
  },
  {
    method: 'GET',
    path: '/api/traces/:id',
    permission: 'analytics:read',
    query: reading(),
    handler: getTrace,
  },
  {
    method: 'GET',
    path: '/api/traces/:id/replay',
    permission: 'analytics:read',
    query: reading(REPLAY_PARAMETERS),
    handler: replayTrace,
  },
  {
    method: 'POST',
    path: '/api/traces/:id/fork',
    permission: 'analytics:read',
    query: reading(),
    handler: forkTrace,
  },
  {
    method: 'GET',
    path: '/api/analytics/usage',
    permission: 'analytics:read',
    query: reading(SERIES_PARAMETERS),
    handler: getUsage,
  },
  {
    method: 'GET',
    path: '/api/analytics/cost',
    permission: 'analytics:read',
    query: reading(SERIES_PARAMETERS),
    handler: getCost,
  },
  {
    method: 'GET',
    path: '/api/analytics/models',
    permission: 'analytics:read',
    query: reading(GROUPS_PARAMETERS),
    handler: getModels,
  },
  {
    method: 'GET',
    path: '/api/analytics/keys',
    permission: 'analytics:read',
    query: reading(GROUPS_PARAMETERS),
    handler: getKeys,
  },
  {
    method: 'GET',
    path: '/api/analytics/latency',
    permission: 'analytics:read',
    query: reading(GROUPED_PARAMETERS),
    handler: getLatency,
  },
  {
    method: 'GET',
    path: '/api/analytics/errors',
    permission: 'analytics:read',
    query: reading(GROUPED_PARAMETERS),
    handler: getErrors,
  },
  {
    method: 'GET',
    path: '/api/analytics/summary',
    permission: 'analytics:read',
    query: reading(SUMMARY_PARAMETERS),
    handler: getSummary,
  },
  {
    method: 'GET',
    path: '/api/gateway-keys',
    permission: 'keys:manage',
    query: reading(),
    handler: listKeys,
  },
  {
    method: 'POST',
    path: '/api/gateway-keys',
    permission: 'keys:manage',
    query: reading(),
    handler: createKey,
  },
  {
    method: 'GET',
    path: '/api/gateway-keys/:id',
    permission: 'keys:manage',
    query: reading(['org_id']),
    handler: getKey,
  },
  {
    method: 'PATCH',
    path: '/api/gateway-keys/:id',
    permission: 'keys:manage',
    query: reading(['org_id']),
    handler: updateKey,
  },
  {
    method: 'DELETE',
    path: '/api/gateway-keys/:id',
    permission: 'keys:manage',
    query: reading(['org_id']),
    handler: revokeKey,
  },
  {
    method: 'POST',
    path: '/api/gateway-keys/:id/rotate',
    permission: 'keys:manage',
    query: reading(['org_id']),
    handler: rotateKey,
  },
  {
    method: 'GET',
    path: '/api/limits',
    permission: 'analytics:read',
    query: reading(LIMITS_PARAMETERS),
    handler: getLimits,
  },
  {
    method: 'POST',
    path: '/api/limits/:policy/reset',
    permission: 'keys:manage',
    query: [],
    handler: resetLimit,
  },
  {
    method: 'POST',
    path: '/api/limits/:policy/raise',
    permission: 'keys:manage',
    query: [],
    handler: raiseLimit,
  },
  {
    method: 'GET',
    path: '/api/audit',
    permission: 'audit:read',
    query: reading(AUDIT_PARAMETERS),
    handler: listAudit,
  },
]

/** What the table says of a request. */
export type Found =
  | { readonly kind: 'route'; readonly route: Route; readonly parameters: Readonly<Record<string, string>> }
  /** The path is known, the method is not; `allow` lists the methods of the path. */
  | { readonly kind: 'wrong_method'; readonly allow: string }
  | { readonly kind: 'nothing' }

/**
 * Looks a request up in the table. `HEAD` goes where `GET` goes; one trailing slash after a parameter is ignored.
 *
 * @param path in its plain reading
 */
export function findRoute(method: string, path: string): Found {
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
