import type { SdkVariables } from '../providers/dialects/vendor.ts'
import { vendorOf } from '../providers/dialects/vendors.ts'
import { normalisePrefix } from '../wire/url/path-prefix.ts'
import { PROVIDER_PRESETS } from './provider-settings.ts'

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
  /** Variables that point SDKs at the routes without a prefix. */
  readonly modelVariables: readonly (readonly [string, string])[]
}

interface RawProvider {
  readonly prefix: string
  readonly upstream?: string
  readonly enabled?: boolean
}

/**
 * Where clients on this machine reach the gateway.
 *
 * @param values settings under the file's own names; may be invalid
 */
export function clientUrls(values: Readonly<Record<string, unknown>>): ClientUrls {
  const server = values['server'] as { host: string; port: number }
  const providers = values['providers'] as Record<string, RawProvider>
  const base = `http://${clientHost(server.host)}:${server.port}`
  const sdkUrl = (name: string, version?: SdkVariables['version']): string => {
    const prefix = normalisePrefix(providers[name]?.prefix ?? PROVIDER_PRESETS[name]!['prefix']!)
    if (version === undefined || prefix.endsWith(version)) return `${base}${prefix}`
    return `${base}${prefix === '/' ? '' : prefix}${version}`
  }
  const variables = Object.keys(PROVIDER_PRESETS).flatMap((name) => {
    const sdk = vendorOf(name)?.sdk
    if (!sdk || !(sdk.always || takesPart(providers[name]))) return []
    return [[sdk.baseUrl, sdkUrl(name, sdk.version)] as const]
  })
  return {
    base,
    openai: sdkUrl('openai', '/v1'),
    anthropic: sdkUrl('anthropic'),
    chatgpt: codexUrl(base, providers['chatgpt']),
    variables,
    modelVariables: [
      ['OPENAI_BASE_URL', `${base}/v1`],
      ['ANTHROPIC_BASE_URL', base],
    ],
  }
}

function takesPart(provider: RawProvider | undefined): boolean {
  return provider !== undefined && provider.enabled !== false && provider.upstream !== ''
}

/** ChatGPT's path for Codex, below its host. */
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
