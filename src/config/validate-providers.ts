import { FIELD_NAME } from '../http/fields.ts'
import { DIALECTS, type DialectName } from '../providers/dialects/dialects.ts'
import { type ProviderConfig, RETRY_CAUSES, type RetryRule } from '../providers/settings.ts'
import { CREDENTIAL_FIELDS } from '../traces/provider-credential.ts'
import type { PriceOverride } from '../usage/settings.ts'
import { hasPrefix, normalisePrefix } from '../wire/url/path-prefix.ts'
import { PROVIDER_PRESETS } from './provider-settings.ts'
import { quote } from './scalar.ts'
import { type RawCredentials, checkCredentials } from './validate-credentials.ts'
import { type RawConnection, type Surroundings, checkConnection } from './validate-connection.ts'
import { checkFieldChanges } from './validate-field-changes.ts'

const DIALECT_NAMES: readonly string[] = DIALECTS.map(({ name }) => name)
const PROVIDER_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Reports what is wrong with a setting. */
export type Wrong = (path: string, message: string) => void

/** A provider as decoded, not yet checked. */
export interface RawProvider extends RawConnection {
  upstream: string
  prefix: string
  api: string
  enabled: boolean
  credentialHeader: string
  credentials: RawCredentials
  timeouts: { connectMs: number; firstByteMs: number; idleMs: number; totalMs: number }
  headers: { set: Readonly<Record<string, string>>; remove: readonly string[] }
  region: string
  zeroRetention: boolean
  retryOn: readonly { readonly status: number; readonly bodyContains: string; readonly as: string }[]
  prices: Omit<PriceOverride, 'provider'>[]
}

/** Checks the providers that are enabled and builds them, in file order. */
export function checkProviders(
  raw: Readonly<Record<string, RawProvider>>,
  surroundings: Surroundings,
  wrong: Wrong,
  doubtful: Wrong,
): ProviderConfig[] {
  const providers: ProviderConfig[] = []
  const reported = new Set<string>()
  // A mistake in the environment is the same for all providers.
  const once: Wrong = (path, message) => {
    if (!reported.has(message)) wrong(path, message)
    reported.add(message)
  }
  for (const [name, provider] of Object.entries(raw)) {
    if (!provider.enabled || givesWay(name, provider, raw)) continue
    const path = `providers.${name}`
    if (!PROVIDER_NAME.test(name)) {
      wrong(
        path,
        `${path}: a provider name is 1 to 64 of a-z, 0-9, "-" and "_", starting with a letter or digit`,
      )
    }
    const prefix = checkPrefix(name, provider.prefix, wrong)
    const upstream = checkUpstream(provider.upstream, path, wrong)
    doubtVersion(provider.upstream, prefix, path, doubtful)
    checkTimeouts(provider.timeouts, path, wrong)
    const credentials = checkCredentials(
      provider.credentials,
      `${path}.credentials`,
      provider.upstream.trim(),
      wrong,
      doubtful,
    )
    const headers = checkFieldChanges(provider.headers, `${path}.headers`, wrong)
    const twice = credentials && headers.set.find(([field]) => takesCredential(field, provider))
    if (twice) {
      const why = `${path}.credentials puts the gateway's credentials into every request`
      wrong(`${path}.headers.set`, `${path}.headers.set holds ${twice[0]}, and ${why}; leave one of them out`)
    }
    providers.push({
      name,
      prefix,
      upstream: provider.upstream.trim(),
      api: checkDialect(provider.api, path, wrong),
      credentialHeader: checkCredentialHeader(provider.credentialHeader, path, wrong),
      ...(credentials ? { credentials } : {}),
      timeouts: provider.timeouts,
      connection: checkConnection(provider, path, upstream, surroundings, once),
      headers,
      region: provider.region.trim(),
      zeroRetention: provider.zeroRetention,
      retryOn: checkRetryRules(provider.retryOn, `${path}.retry_on`, wrong),
    })
  }
  for (const [i, provider] of providers.entries()) {
    const twin = providers.slice(0, i).find((other) => other.prefix === provider.prefix)
    if (!twin) continue
    const path = `providers.${provider.name}.prefix`
    wrong(
      path,
      `${path}: provider route prefixes overlap: ${twin.name} and ${provider.name} both have ${quote(twin.prefix)}; give one of them another`,
    )
  }
  return providers
}

/** Whether a provider takes its key from a field. */
function takesCredential(field: string, { credentialHeader }: RawProvider): boolean {
  return CREDENTIAL_FIELDS.includes(field) || field === credentialHeader.trim().toLowerCase()
}

/** @returns the prefix, normalised */
function checkPrefix(name: string, given: string, wrong: Wrong): string {
  const path = `providers.${name}.prefix`
  const prefix = normalisePrefix(given)
  const text = given.trim()
  if (text === '') wrong(path, `${path} is required; write ${quote(`/${name}`)}`)
  else if (!text.startsWith('/')) {
    wrong(path, `${path} must start with '/' (got ${quote(given)}); write ${quote(`/${text}`)}`)
  } else if (prefix === '/') wrong(path, `${path} must not be the root (got ${quote(given)})`)
  else if (!/^[\w\-.~!$&'()*+,;=:@/]+$/.test(prefix) || /\/(\.{0,2})(\/|$)/.test(prefix)) {
    wrong(path, `${path} must be a plain path (got ${quote(given)})`)
  } else if (hasPrefix(prefix, '/api')) {
    wrong(path, `${path} must not overlap with /api routes (got ${quote(given)})`)
  }
  return prefix
}

/** Requests bring their own version, so an upstream that ends in one is probably a mistake. */
function doubtVersion(upstream: string, prefix: string, path: string, doubtful: Wrong): void {
  const version = /^(.*)(\/v1(?:beta)?)\/?$/.exec(upstream.trim())
  if (!version) return
  const [, base = '', end = ''] = version
  const why = `requests below ${prefix} bring their own, so ${prefix}${end}/… goes to ${end}${end}/…`
  doubtful(`${path}.upstream`, `${path}.upstream ends in ${end}: ${why}; write ${quote(base)}`)
}

function checkDialect(given: string, path: string, wrong: Wrong): DialectName {
  const api = given.trim()
  if (!DIALECT_NAMES.includes(api)) {
    wrong(`${path}.api`, `${path}.api must be one of ${DIALECT_NAMES.join(', ')} (got ${quote(api)})`)
  }
  return api as DialectName
}

function checkCredentialHeader(given: string, path: string, wrong: Wrong): string {
  const header = given.trim().toLowerCase()
  if (header !== '' && !FIELD_NAME.test(header)) {
    wrong(
      `${path}.credential_header`,
      `${path}.credential_header is not a header name (got ${quote(header)})`,
    )
  }
  return header
}

function checkTimeouts(timeouts: RawProvider['timeouts'], path: string, wrong: Wrong): void {
  for (const [timeout, ms] of Object.entries(timeouts)) {
    const field = `${path}.timeouts.${timeout.replace('Ms', '_ms').replace('firstByte', 'first_byte')}`
    if (ms < 0) wrong(field, `${field} must be >= 0 (got ${ms})`)
  }
}

function checkRetryRules(given: RawProvider['retryOn'], path: string, wrong: Wrong): RetryRule[] {
  return given.map(({ status, bodyContains, as }, i) => {
    const at = `${path}[${i}]`
    if (status < 400 || status > 599)
      wrong(`${at}.status`, `${at}.status must be between 400 and 599 (got ${status})`)
    const cause = RETRY_CAUSES.find((known) => known === as.trim())
    if (cause === undefined)
      wrong(`${at}.as`, `${at}.as must be one of ${RETRY_CAUSES.join(', ')} (got ${quote(as)})`)
    return { status, bodyContains, as: cause ?? 'status_5xx' }
  })
}

/** An unchanged preset is left out if it cannot work without an upstream, or if another provider has its prefix. */
function givesWay(name: string, provider: RawProvider, all: Readonly<Record<string, RawProvider>>): boolean {
  const preset = PROVIDER_PRESETS[name]
  if (!preset || provider.upstream !== preset['upstream'] || provider.prefix !== preset['prefix'])
    return false
  if (provider.upstream === '') return true
  return Object.entries(all).some(
    ([other, { prefix, enabled }]) =>
      enabled && !PROVIDER_PRESETS[other] && normalisePrefix(prefix) === normalisePrefix(provider.prefix),
  )
}

function checkUpstream(upstream: string, path: string, wrong: Wrong): URL | undefined {
  const text = upstream.trim()
  const refuse = (message: string): undefined => {
    wrong(`${path}.upstream`, message)
    return undefined
  }
  if (text === '') return refuse(`${path}.upstream is required; write the base URL of the API`)
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)
  if (text.startsWith(':')) {
    return refuse(`parse ${path}.upstream: parse ${quote(text)}: missing protocol scheme`)
  }
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(text)?.[1]
  if (!scheme || !host) {
    const hint = written(text)
    return refuse(`${path}.upstream must include scheme and host (got ${quote(upstream)})${hint}`)
  }
  if (!URL.canParse(text)) return refuse(`parse ${path}.upstream: parse ${quote(text)}: invalid URL`)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return refuse(`${path}.upstream must be http or https (got ${quote(upstream)})`)
  }
  if (url.username || url.password) return refuse(`${path}.upstream must not hold a user or password`)
  return url
}

/** Suggests the URL for a host without a scheme. */
function written(text: string): string {
  if (!/^[\w.-]+(:\d+)?(\/[\w./-]*)?$/.test(text)) return '; write such as "https://api.example.com"'
  const local = /^(localhost|[\d.]+|[\w-]+)(:\d+)?(\/|$)/.test(text)
  return `; write ${quote(`${local ? 'http' : 'https'}://${text}`)}`
}
