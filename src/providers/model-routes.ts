import { hasPrefix } from '../wire/url/path-prefix.ts'
import type { ModelDialect } from './dialects/dialect.ts'

/** A route without a provider's prefix, on which the model decides where a request goes. */
export interface ModelRoute {
  /** Its path; `*` at the end stands for everything below. */
  readonly path: string
  readonly dialect: ModelDialect
  /** The one method that it takes; absent for any. */
  readonly method?: 'POST'
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
  // Google's SDKs ask for this version. Other methods there are OpenAI's.
  { path: '/v1/models/*', dialect: 'gemini', method: 'POST' },
  { path: '/v1/files', dialect: 'openai' },
  { path: '/v1/files/*', dialect: 'openai' },
  { path: '/v1/batches', dialect: 'openai' },
  { path: '/v1/batches/*', dialect: 'openai' },
]

/** Routes that Anthropic has too: there its version field says whose request it is. */
const SHARED = /^\/v1\/(?:files|batches)(?:\/|$)/

/** The routes of lists of models, which the gateway answers itself. */
const MODEL_LISTS = ['/v1/models', '/v1beta/models']

const EXACT = new Map(MODEL_ROUTES.map((route) => [route.path, route]))
const BELOW = MODEL_ROUTES.filter(({ path }) => path.endsWith('/*')).map((route) => ({
  route,
  start: route.path.slice(0, -1),
}))

/** The dialect that the fields of a request speak for, where its path is of several. */
export function spokenDialect(fields: Pick<Headers, 'has'>): ModelDialect {
  if (fields.has('anthropic-version')) return 'anthropic'
  return fields.has('x-goog-api-key') ? 'gemini' : 'openai'
}

/**
 * The model route of a path; `undefined` for none.
 *
 * @param path in its plain reading; case matters
 * @param spoken what the request's fields speak for
 */
export function modelRouteOf(method: string, path: string, spoken: ModelDialect): ModelRoute | undefined {
  const route = EXACT.get(path) ?? BELOW.find(({ start }) => path.startsWith(start))?.route
  if (!route || (route.method ?? method) !== method) return undefined
  return spoken === 'anthropic' && SHARED.test(path) ? { ...route, dialect: spoken } : route
}

/** A question for the list of models, or for one of them. */
export interface ModelListRoute {
  readonly dialect: ModelDialect
  /** Name of the one, escapes undone; empty for the list. */
  readonly model: string
}

/** What a path asks of the list of models; `undefined` for another path. Parameters as of `modelRouteOf`. */
export function modelListOf(path: string, spoken: ModelDialect): ModelListRoute | undefined {
  for (const list of MODEL_LISTS) {
    if (path !== list && !path.startsWith(`${list}/`)) continue
    const dialect = list === '/v1beta/models' ? 'gemini' : spoken
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
