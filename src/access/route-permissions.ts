import type { Permission } from './permissions.ts'

/**
 * The permission that each route of the management API needs. Provider routes are not here: they need `proxy:write`.
 *
 * `:name` stands for one segment of any value.
 */
export const ROUTE_PERMISSIONS = {
  'GET /': 'public',
  'GET /api/health': 'public',
  'GET /api/live': 'public',
  'GET /api/hello': 'public',
  'GET /api/ready': 'public',
  'GET /api/openapi.yaml': 'public',
  'GET /api/diagnostics/trace-pipeline': 'analytics:read',
  'GET /api/traces': 'analytics:read',
  'GET /api/traces/:id': 'analytics:read',
  'GET /api/traces/:id/replay': 'analytics:read',
  'POST /api/traces/:id/fork': 'analytics:read',
  'GET /api/analytics/usage': 'analytics:read',
  'GET /api/analytics/cost': 'analytics:read',
  'GET /api/analytics/models': 'analytics:read',
  'GET /api/analytics/keys': 'analytics:read',
  'GET /api/analytics/latency': 'analytics:read',
  'GET /api/analytics/errors': 'analytics:read',
  'GET /api/analytics/summary': 'analytics:read',
  'GET /api/gateway-keys': 'keys:manage',
  'POST /api/gateway-keys': 'keys:manage',
  'GET /api/gateway-keys/:id': 'keys:manage',
  'PATCH /api/gateway-keys/:id': 'keys:manage',
  'DELETE /api/gateway-keys/:id': 'keys:manage',
  'POST /api/gateway-keys/:id/rotate': 'keys:manage',
  'GET /api/targets': 'analytics:read',
  'GET /api/limits': 'analytics:read',
  'POST /api/limits/:policy/reset': 'keys:manage',
  'POST /api/limits/:policy/raise': 'keys:manage',
  'GET /api/audit': 'audit:read',
} as const satisfies Readonly<Record<`${RouteMethod} /${string}`, Permission | 'public'>>

/** Methods of the management API. `HEAD` and `OPTIONS` need no row. */
export type RouteMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** A route by its method and path. */
export type RouteName = keyof typeof ROUTE_PERMISSIONS
