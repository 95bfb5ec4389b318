import { type PathReadings, readPath } from '../wire/url/path-readings.ts'
import { audioSpeech, audioTranscriptions } from './apis/audio.ts'
import { batchResults } from './apis/batch-results.ts'
import { bedrockConverse, bedrockInvoke } from './apis/bedrock.ts'
import { cachedContents } from './apis/cached-contents.ts'
import { asyncCompletions, chatCompletions, completions, storedCompletions } from './apis/chat-completions.ts'
import { cohereChat, cohereEmbed } from './apis/cohere.ts'
import { countTokens } from './apis/count-tokens.ts'
import { decisions } from './apis/decisions.ts'
import { embeddings } from './apis/embeddings.ts'
import { embedContent, generateContent } from './apis/generate-content.ts'
import { images } from './apis/images.ts'
import { inlinedResults } from './apis/inlined-results.ts'
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
import { vectorStores } from './apis/vector-stores.ts'
import type { WireApi } from './apis/wire-api.ts'
import type { DialectName } from './dialects/dialects.ts'

/** What a request is for the meter. */
export interface MeteredRoute {
  /** `undefined` for anything that is passed on without being read. */
  readonly api: WireApi | undefined
  /** Nothing is billed for such a request: reading methods, and calls that are free by their nature. */
  readonly free: boolean
  /** Why it may cost something that is not read; absent for calls that are not known at all. */
  readonly unread?: string
}

type Method = 'POST' | 'GET' | 'PATCH' | 'WS'

/** A call that costs nothing by its nature. */
interface Free {
  /** Why, and where that is published. */
  readonly free: string
}

/** A call that may cost something which is not read: its cost is unknown. */
interface Unread {
  readonly unread: string
}

type Target = WireApi | Free | Unread

const FILES: Free = {
  free: 'keeping a file has no price: platform.claude.com/docs/en/build-with-claude/files and ai.google.dev/gemini-api/docs/files say so; developers.openai.com/api/docs/pricing lists none (2026-11)',
}
const BATCH: Free = {
  free: 'what a batch has done is billed, and counts when its results are fetched: platform.openai.com/docs/guides/batch, platform.claude.com/docs/en/build-with-claude/batch-processing, ai.google.dev/gemini-api/docs/batch-api (2026-11)',
}
const SESSION_TOKEN: Free = {
  free: 'it issues a token; the session that is opened with it is billed: platform.openai.com/docs/api-reference/realtime-sessions (2026-11)',
}
const LOCAL: Free = { free: 'Ollama manages models on this machine: docs.ollama.com/api (2026-11)' }
const STORED: Unread = {
  unread:
    'what is put into a vector store costs 0.10 USD for a GB and day beyond the first: developers.openai.com/api/docs/pricing (2026-11)',
}

/**
 * Every call that is known, by the end of its path as the provider documents it; `{}` is any one segment, `:verb` the end
 * of one. Case does not matter. What comes first wins. To add a wire API: its file and a line here.
 *
 * Methods that only read or delete are free unless they stand here: no provider has a price for them, and what they report on
 * was billed with another request. Where that request is free itself (a batch), the one that reads must stand here.
 */
const ROUTES: readonly (readonly [Method, string, Target])[] = [
  ['POST', '/async/chat/completions', asyncCompletions],
  ['GET', '/async/chat/completions/{}', storedCompletions],
  ['GET', '/chat/deferred-completion/{}', storedCompletions],
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
  [
    'POST',
    '/conversations/{}/items',
    {
      free: 'items are kept, and billed as input of the responses that read them: developers.openai.com/api/docs/guides/conversation-state (2026-11)',
    },
  ],
  ['WS', '/realtime', realtime],
  ['POST', '/realtime/client_secrets', SESSION_TOKEN],
  ['POST', '/realtime/sessions', SESSION_TOKEN],
  ['POST', '/realtime/transcription_sessions', SESSION_TOKEN],
  ['POST', '/vector_stores/{}/files', STORED],
  ['POST', '/files', FILES],
  ['GET', '/files/{}/content', batchResults],
  ['POST', '/uploads', FILES],
  ['POST', '/uploads/{}/parts', FILES],
  ['POST', '/uploads/{}/complete', FILES],
  ['POST', '/uploads/{}/cancel', FILES],
  ['POST', '/vector_stores', vectorStores],
  [
    'POST',
    '/vector_stores/{}',
    {
      free: 'it changes the name or the expiry of a vector store, which have no price: developers.openai.com/api/docs/pricing (2026-11)',
    },
  ],
  ['POST', '/vector_stores/{}/file_batches', STORED],
  ['POST', '/batches', BATCH],
  ['POST', '/batches/{}/cancel', BATCH],
  ['POST', '/batch/jobs', BATCH],
  ['POST', '/batch/jobs/{}/cancel', BATCH],
  ['GET', '/batch/jobs/{}', inlinedResults],
  ['POST', '/messages', messages],
  ['POST', '/messages/count_tokens', countTokens],
  ['GET', '/messages/batches/{}/results', batchResults],
  [
    'GET',
    '/batches/{}/results',
    {
      unread:
        'pages of results, each of which was billed: docs.x.ai/developers/advanced-api-usage/batch-api, openrouter.ai/docs/batch-quickstart (2026-11)',
    },
  ],
  ['POST', ':generateContent', generateContent],
  ['POST', ':streamGenerateContent', generateContent],
  ['POST', ':embedContent', embedContent],
  ['POST', ':batchEmbedContents', embedContent],
  ['POST', ':predict', predict],
  ['POST', ':rawPredict', messages],
  ['POST', ':streamRawPredict', messages],
  ['POST', ':countTokens', countTokens],
  ['POST', ':batchGenerateContent', BATCH],
  ['POST', ':asyncBatchEmbedContent', BATCH],
  ['POST', ':cancel', BATCH],
  ['GET', '/batches/{}', inlinedResults],
  ['GET', ':download', batchResults],
  ['POST', '/interactions', interactions],
  ['GET', '/interactions/{}', storedInteractions],
  ['POST', '/cachedContents', cachedContents],
  [
    'PATCH',
    '/cachedContents/{}',
    {
      unread:
        'a longer life costs storage, of which the answer does not say how much is new: ai.google.dev/gemini-api/docs/pricing (2026-11)',
    },
  ],
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
  ['POST', '/api/show', LOCAL],
  ['POST', '/api/pull', LOCAL],
  ['POST', '/api/create', LOCAL],
  ['POST', '/api/copy', LOCAL],
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
  readonly target: Target
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
  ROUTES.flatMap(([, , target]) => ('name' in target ? [[target.name, target] as const] : [])),
)

/** Whether a request is known to run no model: then it names none, and every key may send it. */
export function runsNoModel(method: string, path: string, api: string): boolean {
  if (api !== '') return wireApiNamed(api)?.runsNoModel === true
  return meteredRouteOf(method, path, false).unread !== undefined
}

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
 * What a request is for the meter, by its method and the end of its path, for every provider.
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
  if (target === undefined) return { api: undefined, free: asked !== 'POST' && asked !== 'WS' }
  if ('name' in target) return { api: target, free: false }
  return 'free' in target
    ? { api: undefined, free: true }
    : { api: undefined, free: false, unread: target.unread }
}

/** `:verb` of `model:verb`, or `.Method` of a dotted service name. */
function suffixOf(segment: string): string {
  const colon = segment.lastIndexOf(':')
  return colon >= 0 ? segment.slice(colon) : segment.slice(Math.max(segment.lastIndexOf('.'), 0))
}

function find(method: string, path: string, slash: number, last: string): Target | undefined {
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
export function dialectOf(path: string, provider: DialectName): DialectName {
  if (path.endsWith('/messages') || path.includes('/messages/')) return 'anthropic'
  return /:(?:stream)?[gG]enerateContent$/.test(path) ? 'gemini' : provider
}
