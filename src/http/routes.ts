import type { Permission } from '../access/permissions.ts'
import type { ApiHandler } from '../api/api-context.ts'
import { listAudit } from '../api/audit.ts'
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from '../api/gateway-keys.ts'
import { getHealth, getLive, getReady, getRoot, getTracePipeline } from '../api/health.ts'
import { getCost, getErrors, getKeys, getLatency, getModels, getSummary, getUsage } from '../api/analytics.ts'
import { getLimits } from '../api/limits.ts'
import { forkTrace, replayTrace } from '../api/lineage.ts'
import { getOpenApi } from '../api/openapi.ts'
import { getTrace, listTraces } from '../api/traces.ts'

/** One row of the route table. Authorization looks at the row the router found, never at the URL again. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Segments; `:name` stands for one segment of any value. */
  readonly path: string
  readonly permission: Permission | 'public'
  readonly handler: ApiHandler
}

/** Every route of the gateway's own. Provider prefixes come before it and need `proxy:write`. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/', permission: 'public', handler: getRoot },
  { method: 'GET', path: '/api/health', permission: 'public', handler: getHealth },
  { method: 'GET', path: '/api/live', permission: 'public', handler: getLive },
  { method: 'GET', path: '/api/ready', permission: 'public', handler: getReady },
  { method: 'GET', path: '/api/openapi.yaml', permission: 'public', handler: getOpenApi },
  {
    method: 'GET',
    path: '/api/diagnostics/trace-pipeline',
    permission: 'analytics:read',
    handler: getTracePipeline,
  },
  { method: 'GET', path: '/api/traces', permission: 'analytics:read', handler: listTraces },
  { method: 'GET', path: '/api/traces/:id', permission: 'analytics:read', handler: getTrace },
  { method: 'GET', path: '/api/traces/:id/replay', permission: 'analytics:read', handler: replayTrace },
  { method: 'POST', path: '/api/traces/:id/fork', permission: 'analytics:read', handler: forkTrace },
  { method: 'GET', path: '/api/analytics/usage', permission: 'analytics:read', handler: getUsage },
  { method: 'GET', path: '/api/analytics/cost', permission: 'analytics:read', handler: getCost },
  { method: 'GET', path: '/api/analytics/models', permission: 'analytics:read', handler: getModels },
  { method: 'GET', path: '/api/analytics/keys', permission: 'analytics:read', handler: getKeys },
  { method: 'GET', path: '/api/analytics/latency', permission: 'analytics:read', handler: getLatency },
  { method: 'GET', path: '/api/analytics/errors', permission: 'analytics:read', handler: getErrors },
  { method: 'GET', path: '/api/analytics/summary', permission: 'analytics:read', handler: getSummary },
  { method: 'GET', path: '/api/gateway-keys', permission: 'keys:manage', handler: listKeys },
  { method: 'POST', path: '/api/gateway-keys', permission: 'keys:manage', handler: createKey },
  { method: 'GET', path: '/api/gateway-keys/:id', permission: 'keys:manage', handler: getKey },
  { method: 'PATCH', path: '/api/gateway-keys/:id', permission: 'keys:manage', handler: updateKey },
  { method: 'DELETE', path: '/api/gateway-keys/:id', permission: 'keys:manage', handler: revokeKey },
  { method: 'POST', path: '/api/gateway-keys/:id/rotate', permission: 'keys:manage', handler: rotateKey },
  { method: 'GET', path: '/api/limits', permission: 'analytics:read', handler: getLimits },
  { method: 'GET', path: '/api/audit', permission: 'audit:read', handler: listAudit },
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
