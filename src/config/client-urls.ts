import { normalisePrefix } from '../http/path-prefix.ts'
import { SETTINGS } from './settings.ts'

/** Base URLs that clients are pointed at. */
export interface ClientUrls {
  /** `http://host:port` without a path. */
  readonly base: string
  /** For the OpenAI SDKs: with `/v1`. */
  readonly openai: string
  /** For the Anthropic SDKs: without `/v1`. */
  readonly anthropic: string
  /** For the Gemini tools: without a version. */
  readonly gemini: string
}

/**
 * Where clients on this machine reach the gateway.
 *
 * @param values settings under the file's own names; they need not be valid
 */
export function clientUrls(values: Readonly<Record<string, unknown>>): ClientUrls {
  const server = values['server'] as { host: string; port: number }
  const providers = values['providers'] as Record<string, { prefix: string }>
  const base = `http://${clientHost(server.host)}:${server.port}`
  const openai = normalisePrefix(providers['openai']?.prefix ?? '/openai')
  const anthropic = normalisePrefix(providers['anthropic']?.prefix ?? '/anthropic')
  return {
    base,
    openai: `${base}${openai === '/' ? '/v1' : openai.endsWith('/v1') ? openai : `${openai}/v1`}`,
    anthropic: `${base}${anthropic}`,
    gemini: `${base}${normalisePrefix(providers['gemini']?.prefix ?? '/gemini')}`,
  }
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
