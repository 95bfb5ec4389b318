import type { ProviderConfig } from '../providers/settings.ts'
import { isCredentialName } from '../redaction/credential-name.ts'
import {
  CREDENTIAL_FIELDS,
  queryCredential,
  SUBPROTOCOL_FIELD,
  withoutSubprotocolKeys,
} from './provider-credential.ts'

/** The token of a subscription in a request's fields (lower-case names), beside the credential in its query; empty for none. */
export type SubscriptionRule = (fields: Readonly<Record<string, string>>, queryKey: string) => string

/** What a provider is, as far as the tokens that it takes go. */
export type TokenTaker = Pick<ProviderConfig, 'name' | 'api' | 'upstream' | 'credentialHeader' | 'headers'>

/** Claude Code's OAuth token, as `claude setup-token` and the log-in make it. An API key begins with `sk-ant-api`. */
const CLAUDE_TOKEN = /^bearer +sk-ant-oat[\w-]+$/i

/** A JWT: ChatGPT's log-in makes one. API keys of OpenAI are none. */
const JWT = /^bearer +eyJ[\w-]+\.[\w-]+\.[\w-]+$/i

/**
 * The rule by which requests to a provider may be paid by a subscription: the only credential that is sent is a token of the shape that the
 * provider gives to subscribers. With a second credential in the request it is not, because the provider may take the other one.
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
 * Whether the shape of a token is enough until an answer says who paid. A provider that checks its tokens refuses one that was made up; a
 * relay or a server on this machine may take anything.
 */
export function checksTokens({ name, upstream }: Pick<TokenTaker, 'name' | 'upstream'>): boolean {
  const { hostname } = new URL(upstream)
  return name === 'chatgpt' || hostname === 'chatgpt.com' || hostname === 'api.anthropic.com'
}

/** The shape of a subscription's token; `undefined` for providers that have no subscriptions which are known. */
function tokenShape({ name, api, upstream }: TokenTaker): RegExp | undefined {
  if (name === 'chatgpt' || new URL(upstream).hostname === 'chatgpt.com') return JWT
  return api === 'anthropic' ? CLAUDE_TOKEN : undefined
}
