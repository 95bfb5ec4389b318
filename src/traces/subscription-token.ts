import type { ProviderConfig } from '../config/config.ts'
import { CREDENTIAL_FIELDS, queryCredential } from './provider-credential.ts'

/** Says of a request's fields (lower-case names) and the credential in its query whether a subscription pays for it. */
export type SubscriptionRule = (fields: Readonly<Record<string, string>>, queryKey: string) => boolean

/** What a provider is, as far as the tokens that it takes go. */
export type TokenTaker = Pick<ProviderConfig, 'name' | 'api' | 'upstream' | 'credentialHeader' | 'headers'>

/** Claude Code's OAuth token, as `claude setup-token` and the log-in make it. An API key begins with `sk-ant-api`. */
const CLAUDE_TOKEN = /^bearer +sk-ant-oat[\w-]+$/i

/** A JWT: ChatGPT's log-in makes one. API keys of OpenAI are none. */
const JWT = /^bearer +eyJ[\w-]+\.[\w-]+\.[\w-]+$/i

/**
 * The rule by which requests to a provider are paid by a subscription: the only credential that is sent is a token of the shape that the
 * provider gives to subscribers. With a second credential in the request it is not, because the provider may take the other one.
 *
 * @param gatewayKeyField lower-case name of the field that is not sent
 */
export function subscriptionRule(provider: TokenTaker, gatewayKeyField: string): SubscriptionRule {
  const { credentialHeader, headers, upstream } = provider
  const shape = tokenShape(provider)
  if (!shape || queryCredential(new URL(upstream).search) !== '') return () => false
  const set = new Map(headers.set)
  const removed = new Set([...headers.remove, gatewayKeyField])
  const sent = (fields: Readonly<Record<string, string>>, name: string): string | undefined =>
    set.get(name) ?? (removed.has(name) ? undefined : fields[name])
  const others = [...CREDENTIAL_FIELDS, credentialHeader].filter(
    (name) => name !== '' && name !== 'authorization',
  )
  return (fields, queryKey) => {
    const authorization = sent(fields, 'authorization')
    if (authorization === undefined || queryKey !== '' || !shape.test(authorization.trim())) return false
    return others.every((name) => (sent(fields, name) ?? '').trim() === '')
  }
}

/** The shape of a subscription's token; `undefined` for providers that have no subscriptions which are known. */
function tokenShape({ name, api, upstream }: TokenTaker): RegExp | undefined {
  if (name === 'chatgpt' || new URL(upstream).hostname === 'chatgpt.com') return JWT
  return api === 'anthropic' ? CLAUDE_TOKEN : undefined
}
