import { DIALECTS } from '../providers/dialects/dialects.ts'
import type { ProviderConfig } from '../providers/settings.ts'
import { nearest } from '../wire/nearest.ts'
import { ROUTES } from './routes.ts'

/** What a 404 needs to know of a provider. */
export type Prefixed = Pick<ProviderConfig, 'name' | 'prefix' | 'api'>

/** From how many letters on a name may have two slips. */
const LONG_NAME = 8

/**
 * Text of a 404: the contract's line, then the path that was probably meant, then the providers' prefixes.
 *
 * @param path as the request has it
 */
export function notFoundText(path: string, providers: readonly Prefixed[]): string {
  const meant = path.startsWith('/api/') ? nearestRoute(path) : nearestProviderPath(path, providers)
  const hint = meant === undefined ? '' : `did you mean ${meant}?\n`
  return `404 page not found\n${hint}${knownPlaces(providers)}\n`
}

/** The management route that resembles a path; `undefined` for none. */
export function nearestRoute(path: string): string | undefined {
  return nearestPath(
    path.replace(/\/+$/, ''),
    ROUTES.flatMap((route) => (route.path.includes(':') ? [] : [route.path])),
    '/api/',
  )
}

/** The known path that differs by a typing slip: one edit, or two in a long name. @param shared how all of them begin */
function nearestPath(path: string, known: readonly string[], shared: string): string | undefined {
  const name = path.slice(shared.length)
  return nearest(path, known, name.length < LONG_NAME ? 1 : 2)
}

function nearestProviderPath(path: string, providers: readonly Prefixed[]): string | undefined {
  for (const { name: dialect, clientPaths = [] } of DIALECTS) {
    const matched = clientPaths.find(({ beginning }) => beginning.test(path))
    if (!matched) continue
    const speaking = providers.filter((provider) => provider.api === dialect)
    const { prefix } = speaking.find(({ name }) => name === dialect) ?? speaking[0] ?? {}
    return prefix === undefined ? undefined : `${prefix}${matched.missing}${path}`
  }
  const prefix = nearestPath(
    path.split('/', 2).join('/'),
    providers.map((provider) => provider.prefix),
    '/',
  )
  return prefix === undefined ? undefined : `${prefix}${path.replace(/^\/[^/]*/, '')}`
}

function knownPlaces(providers: readonly Prefixed[]): string {
  if (providers.length === 0) return 'no provider is configured; the management API is below /api'
  const prefixes = providers.map(({ prefix }) => prefix).sort()
  return `providers are below ${prefixes.join(', ')}; without one the model decides, below /v1 and /v1beta; the management API is below /api`
}
