import { hasPrefix } from '../wire/url/path-prefix.ts'
import type { ModelDialect } from './dialects/dialect.ts'

/** A route without a provider's prefix, on which the model decides where a request goes. */
export interface ModelRoute {
  /** Its path; `*` at the end stands for everything below. */
  readonly path: string
  readonly dialect: ModelDialect
}

/** Every model route. What comes first wins. Names of files and batches say nothing about a model: they go to the default provider. */
const MODEL_ROUTES: readonly ModelRoute[] = [
  { path: '/v1/chat/completions', dialect: 'openai' },
  { path: '/v1/completions', dialect: 'openai' },
  { path: '/v1/responses', dialect: 'openai' },
  { path: '/v1/responses/*', dialect: 'openai' },
  { path: '/v1/embeddings', dialect: 'openai' },
  { path: '/v1/images/*', dialect: 'openai' },
  { path: '/v1/audio/*', dialect: 'openai' },
  { path: '/v1/moderations', dialect: 'openai' },
  { path: '/v1/messages', dialect: 'anthropic' },
  { path: '/v1/messages/*', dialect: 'anthropic' },
  { path: '/v1beta/models/*', dialect: 'gemini' },
  { path: '/v1/files', dialect: 'openai' },
  { path: '/v1/files/*', dialect: 'openai' },
  { path: '/v1/batches', dialect: 'openai' },
  { path: '/v1/batches/*', dialect: 'openai' },
]

/** Routes that Anthropic has too: there its version field says whose request it is. */
const SHARED = /^\/v1\/(?:files|batches|models)(?:\/|$)/

/** The routes of lists of models, which the gateway answers itself. */
const MODEL_LISTS = ['/v1/models', '/v1beta/models']

const EXACT = new Map(MODEL_ROUTES.map((route) => [route.path, route]))
const BELOW = MODEL_ROUTES.filter(({ path }) => path.endsWith('/*')).map((route) => ({
  route,
  start: route.path.slice(0, -1),
}))

/**
 * The model route of a path; `undefined` for none.
 *
 * @param path in its plain reading; case matters
 * @param anthropic the request has Anthropic's version field
 */
export function modelRouteOf(path: string, anthropic: boolean): ModelRoute | undefined {
  const route = EXACT.get(path) ?? BELOW.find(({ start }) => path.startsWith(start))?.route
  return route && anthropic && SHARED.test(path) ? { ...route, dialect: 'anthropic' } : route
}

/** A question for the list of models, or for one of them. */
export interface ModelListRoute {
  readonly dialect: ModelDialect
  /** Name of the one, escapes undone; empty for the list. */
  readonly model: string
}

/** What a path asks of the list of models; `undefined` for another path. Parameters as of `modelRouteOf`. */
export function modelListOf(path: string, anthropic: boolean): ModelListRoute | undefined {
  for (const list of MODEL_LISTS) {
    if (path !== list && !path.startsWith(`${list}/`)) continue
    const dialect = list === '/v1beta/models' ? 'gemini' : anthropic ? 'anthropic' : 'openai'
    return { dialect, model: unescaped(path.slice(list.length + 1)) }
  }
  return undefined
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The model routes and lists of models that lie below a provider's prefix, and so are never reached. @param prefix normalised */
export function hiddenModelRoutes(prefix: string): string[] {
  return [...MODEL_ROUTES.map(({ path }) => path), ...MODEL_LISTS].filter(
    (path) => hasPrefix(path, prefix) || (path.endsWith('/*') && hasPrefix(prefix, path.slice(0, -2))),
  )
}
