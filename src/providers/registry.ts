import type { Dialect } from '../config/config.ts'
import { readPath, type PathReadings } from '../http/path-readings.ts'
import { audioSpeech, audioTranscriptions } from './apis/audio.ts'
import { batchResults } from './apis/batch-results.ts'
import { bedrockConverse, bedrockInvoke } from './apis/bedrock.ts'
import { chatCompletions, completions } from './apis/chat-completions.ts'
import { cohereChat, cohereEmbed } from './apis/cohere.ts'
import { countTokens } from './apis/count-tokens.ts'
import { decisions } from './apis/decisions.ts'
import { embeddings } from './apis/embeddings.ts'
import { embedContent, generateContent } from './apis/generate-content.ts'
import { images } from './apis/images.ts'
import { interactions, storedInteractions } from './apis/interactions.ts'
import { live } from './apis/live.ts'
import { messages } from './apis/messages.ts'
import { conversations, moderations } from './apis/moderations.ts'
import { ocr } from './apis/ocr.ts'
import { ollamaChat, ollamaEmbed } from './apis/ollama.ts'
import { predict } from './apis/predict.ts'
import { realtime } from './apis/realtime.ts'
import { rerank } from './apis/rerank.ts'
import { responses, storedResponses } from './apis/responses.ts'
import type { WireApi } from './apis/wire-api.ts'

/** What a request is for the meter. */
export interface MeteredRoute {
  /** `undefined` for anything that is passed on without being read. */
  readonly api: WireApi | undefined
  /** Nothing is billed for such a request: reading methods, and calls that are free by their nature. */
  readonly free: boolean
}

type Method = 'POST' | 'GET' | 'WS'

/**
 * Every call that is known, by the end of its path as the provider documents it; `{}` is any one segment, `:verb` the end
 * of one. Case does not matter. What comes first wins. To add a wire API: its file and a line here.
 */
const ROUTES: readonly (readonly [Method, string, WireApi | 'free'])[] = [
  ['POST', '/chat/completions', chatCompletions],
  ['POST', '/agents/completions', chatCompletions],
  ['POST', '/completions', completions],
  ['POST', '/responses', responses],
  ['WS', '/responses', responses],
  ['POST', '/responses/compact', responses],
  ['POST', '/responses/input_tokens', countTokens],
  ['POST', '/responses/{}/cancel', storedResponses],
  ['GET', '/responses/{}', storedResponses],
  ['POST', '/decisions', decisions],
  ['POST', '/api/embeddings', ollamaEmbed],
  ['POST', '/embeddings', embeddings],
  ['POST', '/multimodalembeddings', embeddings],
  ['POST', '/contextualizedembeddings', embeddings],
  ['POST', '/images/generations', images],
  ['POST', '/images/edits', images],
  ['POST', '/images/variations', images],
  ['POST', '/audio/speech', audioSpeech],
  ['POST', '/audio/transcriptions', audioTranscriptions],
  ['POST', '/audio/translations', audioTranscriptions],
  ['POST', '/moderations', moderations],
  ['POST', '/classifications', moderations],
  ['POST', '/conversations', conversations],
  ['POST', '/conversations/{}', conversations],
  ['POST', '/conversations/{}/items', 'free'],
  ['WS', '/realtime', realtime],
  ['POST', '/realtime/client_secrets', 'free'],
  ['POST', '/realtime/sessions', 'free'],
  ['POST', '/realtime/transcription_sessions', 'free'],
  ['POST', '/files', 'free'],
  ['GET', '/files/{}/content', batchResults],
  ['POST', '/uploads', 'free'],
  ['POST', '/uploads/{}/parts', 'free'],
  ['POST', '/uploads/{}/complete', 'free'],
  ['POST', '/uploads/{}/cancel', 'free'],
  ['POST', '/vector_stores', 'free'],
  ['POST', '/vector_stores/{}', 'free'],
  ['POST', '/vector_stores/{}/files', 'free'],
  ['POST', '/vector_stores/{}/file_batches', 'free'],
  ['POST', '/batches', 'free'],
  ['POST', '/batches/{}/cancel', 'free'],
  ['POST', '/messages', messages],
  ['POST', '/messages/count_tokens', countTokens],
  ['GET', '/messages/batches/{}/results', batchResults],
  ['POST', ':generateContent', generateContent],
  ['POST', ':streamGenerateContent', generateContent],
  ['POST', ':embedContent', embedContent],
  ['POST', ':batchEmbedContents', embedContent],
  ['POST', ':predict', predict],
  ['POST', ':rawPredict', messages],
  ['POST', ':streamRawPredict', messages],
  ['POST', ':countTokens', countTokens],
  ['POST', ':batchGenerateContent', 'free'],
  ['POST', '/interactions', interactions],
  ['GET', '/interactions/{}', storedInteractions],
  ['POST', '/cachedContents', 'free'],
  ['WS', '.BidiGenerateContent', live],
  ['POST', '/v2/chat', cohereChat],
  ['POST', '/v1/chat', cohereChat],
  ['POST', '/v2/embed', cohereEmbed],
  ['POST', '/v1/embed', cohereEmbed],
  ['POST', '/rerank', rerank],
  ['POST', '/tokenize', countTokens],
  ['POST', '/detokenize', countTokens],
  ['POST', '/ocr', ocr],
  ['POST', '/api/chat', ollamaChat],
  ['POST', '/api/generate', ollamaChat],
  ['POST', '/api/embed', ollamaEmbed],
  ['POST', '/api/show', 'free'],
  ['POST', '/api/pull', 'free'],
  ['POST', '/api/create', 'free'],
  ['POST', '/api/copy', 'free'],
  ['POST', '/model/{}/converse', bedrockConverse],
  ['POST', '/model/{}/converse-stream', bedrockConverse],
  ['POST', '/model/{}/invoke', bedrockInvoke],
  ['POST', '/model/{}/invoke-with-response-stream', bedrockInvoke],
  ['POST', '/model/{}/count-tokens', countTokens],
]

interface Row {
  readonly method: Method
  /** Segments before the last, nearest first. */
  readonly before: readonly string[]
  readonly target: WireApi | 'free'
}

/** Rows by the last segment of their pattern: `{}`, a verb with its colon, or the segment itself. */
const BY_LAST_SEGMENT = new Map<string, Row[]>()
for (const [method, pattern, target] of ROUTES) {
  const segments = pattern.toLowerCase().split('/')
  const last = segments.pop()!
  const row = { method, before: segments.filter((segment) => segment !== '').reverse(), target }
  const rows = BY_LAST_SEGMENT.get(last)
  if (rows) rows.push(row)
  else BY_LAST_SEGMENT.set(last, [row])
}

const APIS_BY_NAME = new Map<string, WireApi>(
  ROUTES.flatMap(([, , target]) => (target === 'free' ? [] : [[target.name, target] as const])),
)

/**
 * What a request is for the meter, in whichever reading of its path it is a known call. The plain one is needed where a name
 * in the path holds an escaped `/`.
 */
export function meteredReadingOf(
  method: string,
  { plain, loose }: PathReadings,
  upgrade: boolean,
): MeteredRoute {
  const route = meteredRouteOf(method, loose, upgrade)
  if (route.api || plain === loose) return route
  const other = meteredRouteOf(method, plain, upgrade)
  return other.api ? other : route
}

/**
 * What a request is for the meter, by its method and the end of its path, whoever the provider is.
 *
 * @param sent path below the provider's prefix, without query, in one of its readings
 */
export function meteredRouteOf(method: string, sent: string, upgrade: boolean): MeteredRoute {
  const path = sent.toLowerCase()
  const asked = upgrade ? 'WS' : method
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length
  const slash = path.lastIndexOf('/', end - 1)
  const last = path.slice(slash + 1, end)
  const target =
    find(asked, path, slash, last) ??
    find(asked, path, slash, suffixOf(last)) ??
    find(asked, path, slash, '{}')
  if (target === undefined || target === 'free') {
    return { api: undefined, free: target === 'free' || (asked !== 'POST' && asked !== 'WS') }
  }
  return { api: target, free: false }
}

/** `:verb` of `model:verb`, or `.Method` of a dotted service name. */
function suffixOf(segment: string): string {
  const colon = segment.lastIndexOf(':')
  return colon >= 0 ? segment.slice(colon) : segment.slice(Math.max(segment.lastIndexOf('.'), 0))
}

function find(method: string, path: string, slash: number, last: string): WireApi | 'free' | undefined {
  const rows = BY_LAST_SEGMENT.get(last)
  if (!rows) return undefined
  for (const row of rows) {
    if (row.method === method && precededBy(path, slash, row.before)) return row.target
  }
  return undefined
}

function precededBy(path: string, slash: number, segments: readonly string[]): boolean {
  let end = slash
  for (const segment of segments) {
    if (end <= 0) return false
    const start = path.lastIndexOf('/', end - 1)
    if (segment !== '{}' && path.slice(start + 1, end) !== segment) return false
    end = start
  }
  return true
}

/** The wire API of that name. Names come from our own records, so an unknown one is a bug. */
export function wireApiNamed(name: string): WireApi | undefined {
  return APIS_BY_NAME.get(name)
}

/** Where paths name a model: Gemini and Vertex AI, Bedrock. */
const MODEL_IN_PATH = [/\/models\/([^/:]+)(?::|$)/i, /\/model\/([^/]+)\/[a-z-]+$/i]

/** Where paths name what an operator of Azure calls a model. */
const DEPLOYMENT_IN_PATH = [/\/deployments\/([^/]+)\//i]

const MODEL_PARAMETERS = ['model', 'deployment']

/** Models that a request's target names; empty for none. */
export interface TargetModels {
  /** What the path names: the upstream goes by it, whatever the content says. */
  readonly path: string
  /** What the path calls a deployment, whose name may be any. */
  readonly deployment: string
  /** All that the query names; none for most. */
  readonly query: readonly string[]
}

/**
 * The models that the target of a request names.
 *
 * @param path with or without the provider's prefix
 * @param query with `?`, or empty
 */
export function modelsOfTarget(path: string, query: string): TargetModels {
  const { plain, loose } = readPath(path)
  const named = (patterns: readonly RegExp[]): string => {
    for (const reading of plain === loose ? [plain] : [plain, loose]) {
      for (const pattern of patterns) {
        const name = pattern.exec(reading)?.[1]
        // Bedrock also takes the resource name of a profile or a provisioned model, whose last part says most.
        if (name) return decoded(name).replace(/^arn:.*[/]/, '')
      }
    }
    return ''
  }
  return {
    path: named(MODEL_IN_PATH),
    deployment: named(DEPLOYMENT_IN_PATH),
    query: query === '' ? [] : modelsOfQuery(query),
  }
}

/** The model that the request's target names, in its path or query; empty for none. Parameters as of `modelsOfTarget`. */
export function modelOfTarget(path: string, query: string): string {
  const named = modelsOfTarget(path, query)
  return named.path || named.deployment || (named.query[0] ?? '')
}

function modelsOfQuery(query: string): string[] {
  return [...new URLSearchParams(query)]
    .filter(([name, value]) => MODEL_PARAMETERS.includes(name) && value !== '')
    .map(([, value]) => value.slice(0, 256))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).slice(0, 256)
  } catch {
    return text.slice(0, 256)
  }
}

/** The dialect of errors on a route: that of the API in use, where one vendor invented it, else of the provider. */
export function dialectOf(path: string, provider: Dialect): Dialect {
  if (path.endsWith('/messages') || path.includes('/messages/')) return 'anthropic'
  return /:(?:stream)?[gG]enerateContent$/.test(path) ? 'gemini' : provider
}
