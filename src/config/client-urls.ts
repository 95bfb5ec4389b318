import { normalisePrefix } from '../wire/url/path-prefix.ts'
import { SETTINGS } from './settings.ts'

/** Base URLs for clients. */
export interface ClientUrls {
  /** `http://host:port` without a path. */
  readonly base: string
  /** For the OpenAI SDKs: with `/v1`. */
  readonly openai: string
  /** For the Anthropic SDKs: without `/v1`. */
  readonly anthropic: string
  /** For Codex when it is logged in with ChatGPT; `undefined` while that provider is off. */
  readonly chatgpt: string | undefined
  /** Variables that point SDKs and tools of the active providers at the gateway, in order. */
  readonly variables: readonly (readonly [string, string])[]
}

interface RawProvider {
  readonly prefix: string
  readonly upstream?: string
  readonly enabled?: boolean
}

/** Variables that the SDKs and tools of other providers read; Mistral, DeepSeek, xAI and OpenRouter have none. */
const VARIABLES: readonly (readonly [provider: string, variable: string])[] = [
  ['gemini', 'GOOGLE_GEMINI_BASE_URL'],
  ['cohere', 'CO_API_URL'],
  ['groq', 'GROQ_BASE_URL'],
  ['perplexity', 'PERPLEXITY_BASE_URL'],
  ['ollama', 'OLLAMA_HOST'],
  ['azure', 'AZURE_OPENAI_ENDPOINT'],
]

/**
 * Where clients on this machine reach the gateway.
 *
 * @param values settings under the file's own names; may be invalid
 */
export function clientUrls(values: Readonly<Record<string, unknown>>): ClientUrls {
  const server = values['server'] as { host: string; port: number }
  const providers = values['providers'] as Record<string, RawProvider>
  const base = `http://${clientHost(server.host)}:${server.port}`
  const variables = VARIABLES.flatMap(([name, variable]) => {
    const provider = providers[name]
    if (!provider || provider.enabled === false || provider.upstream === '') return []
    return [[variable, `${base}${normalisePrefix(provider.prefix)}`] as const]
  })
  const openai = normalisePrefix(providers['openai']?.prefix ?? '/openai')
  const anthropic = normalisePrefix(providers['anthropic']?.prefix ?? '/anthropic')
  return {
    base,
    openai: `${base}${openai === '/' ? '/v1' : openai.endsWith('/v1') ? openai : `${openai}/v1`}`,
    anthropic: `${base}${anthropic}`,
    chatgpt: codexUrl(base, providers['chatgpt']),
    variables,
  }
}

/** Path of ChatGPT's API for Codex, below its host. */
const CODEX_PATH = '/backend-api/codex'

/** The provider's upstream may already contain the path, or a part of it. */
function codexUrl(base: string, provider: RawProvider | undefined): string | undefined {
  if (!provider || provider.enabled === false || !URL.canParse(provider.upstream ?? '')) return undefined
  const path = new URL(provider.upstream!).pathname.replace(/\/+$/, '')
  const below = CODEX_PATH.startsWith(path) ? CODEX_PATH.slice(path.length) : ''
  const prefix = normalisePrefix(provider.prefix)
  return `${base}${prefix === '/' ? '' : prefix}${below}`
}

function clientHost(host: string): string {
  const trimmed = host.trim()
  if (['', '0.0.0.0', '::', '[::]'].includes(trimmed)) return 'localhost'
  return trimmed.includes(':') && !trimmed.startsWith('[') ? `[${trimmed}]` : trimmed
}

/** Name of the gateway key field as it is spelled by default. */
export const DEFAULT_KEY_FIELD = (() => {
  const auth = SETTINGS.fields['auth']
  const header = auth?.kind === 'section' ? auth.fields['header'] : undefined
  return header?.kind === 'string' ? header.default : 'X-OngoingAI-Gateway-Key'
})()
