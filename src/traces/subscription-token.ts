import type { ProviderConfig } from '../providers/settings.ts'
import { isCredentialName } from '../redaction/credential-name.ts'
import {
  CREDENTIAL_FIELDS,
  queryCredential,
  SUBPROTOCOL_FIELD,
  withoutSubprotocolKeys,
} from './provider-credential.ts'

/** The subscription token in a request's fields (lower-case names), given the credential in its query. Empty for none. */
export type SubscriptionRule = (fields: Readonly<Record<string, string>>, queryKey: string) => string

/** The properties of a provider that decide its tokens. */
export type TokenTaker = Pick<ProviderConfig, 'name' | 'api' | 'upstream' | 'credentialHeader' | 'headers'>

/** Claude Code's OAuth token, created by `claude setup-token` and the login. An API key begins with `sk-ant-api`. */
const CLAUDE_TOKEN = /^bearer +sk-ant-oat[\w-]+$/i

/** A JWT, created by ChatGPT's login. OpenAI's API keys are no JWTs. */
const JWT = /^bearer +eyJ[\w-]+\.[\w-]+\.[\w-]+$/i

/**
 * Decides whether a subscription may pay for requests to a provider: the only credential is a token in the provider's
 * format for subscribers. A second credential excludes it, because the provider may use that one.
 *
 * @param gatewayKeyField lower-case name of the field that is not sent
 */
export function subscriptionRule(provider: TokenTaker, gatewayKeyField: string): SubscriptionRule {
  const { credentialHeader, headers, upstream } = provider
  const shape = tokenShape(provider)
  const bringsOther = headers.set.some(([name]) => name !== 'authorization' && isCredentialName(name))
  if (!shape || bringsOther || queryCredential(new URL(upstream).search) !== '') return () => ''
  const set = new Map(headers.set)
  const removed = new Set([...headers.remove, gatewayKeyField])
  const sent = (fields: Readonly<Record<string, string>>, name: string): string =>
    (set.get(name) ?? (removed.has(name) ? undefined : fields[name]) ?? '').trim()
  const others = [...CREDENTIAL_FIELDS, credentialHeader].filter(
    (name) => name !== '' && name !== 'authorization',
  )
  return (fields, queryKey) => {
    const authorization = sent(fields, 'authorization')
    if (queryKey !== '' || !shape.test(authorization)) return ''
    const subprotocols = sent(fields, SUBPROTOCOL_FIELD)
    if (withoutSubprotocolKeys(subprotocols) !== subprotocols) return ''
    return others.every((name) => sent(fields, name) === '') ? authorization : ''
  }
}

/**
 * Whether a token's format is enough until a response says who paid. A provider that checks its tokens refuses a
 * forged one. A relay or a local server may accept anything.
 */
export function checksTokens({ name, upstream }: Pick<TokenTaker, 'name' | 'upstream'>): boolean {
  const { hostname } = new URL(upstream)
  return name === 'chatgpt' || hostname === 'chatgpt.com' || hostname === 'api.anthropic.com'
}

/** The format of a subscription's token. `undefined` for providers without known subscriptions. */
function tokenShape({ name, api, upstream }: TokenTaker): RegExp | undefined {
  if (name === 'chatgpt' || new URL(upstream).hostname === 'chatgpt.com') return JWT
  return api === 'anthropic' ? CLAUDE_TOKEN : undefined
}
