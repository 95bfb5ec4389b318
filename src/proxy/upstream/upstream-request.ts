import { SIGNATURE_FIELDS } from '../../credentials/aws-signature.ts'
import type { ChosenCredential } from '../../credentials/chosen-credential.ts'
import { upstreamFields, type ForwardedBy } from '../../http/fields.ts'
import { credentialField } from '../../providers/credential-field.ts'
import type { ContentFacts } from '../../traces/exchange.ts'
import { withoutCredentials } from '../../traces/credential-places.ts'
import { type Target, urlOf } from './upstream.ts'

/** A request as one target gets it. */
export interface UpstreamRequest {
  readonly target: Target
  readonly method: string
  /** Lower-case names. */
  readonly fields: Record<string, string>
}

/** What the gateway does with the content, as far as the fields depend on it. */
export interface ContentHandling {
  /** The content is another than came, and without content coding. */
  readonly changed: boolean
  /** How the response is treated: it passes untouched, must be readable on its way, or must also be complete. */
  readonly response: 'untouched' | 'readable' | 'complete'
}

/** Handshake fields of a WebSocket that belong to one connection: each side negotiates its own. */
export const HANDSHAKE = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-accept',
  'content-length',
]

/**
 * Fields that choose a part of the account to which the caller's credential belongs. With another account's credential they would be
 * refused with a 401, which takes that credential out for everybody.
 */
const ACCOUNT_FIELDS = ['openai-organization', 'openai-project', 'x-goog-user-project']

/** The client's request, as far as it is forwarded. */
interface ClientRequest {
  readonly method: string
  readonly fields: Readonly<Record<string, string>>
  /** Begins with `?`, or is empty. */
  readonly query: string
  readonly requestFacts: ContentFacts
}

/**
 * Builds the request to a target, for HTTP and WebSockets: the client's fields, without those that must not travel, changed by the
 * provider's settings.
 *
 * @param held a credential of the gateway, which replaces those of the client; `undefined` when the client's own are sent. One that signs
 *   puts nothing in: the signature covers the finished request
 */
export function upstreamRequest(
  client: ClientRequest,
  target: Target,
  by: ForwardedBy,
  { changed, response }: ContentHandling,
  upgrade: boolean,
  held?: ChosenCredential,
): UpstreamRequest {
  const request = held ? withHeld(client, target, by, held) : withOwn(client, target, by)
  const { fields } = request
  if (upgrade) for (const name of HANDSHAKE) delete fields[name]
  if (changed) {
    delete fields['content-length']
    if (client.requestFacts.codings !== 'identity') delete fields['content-encoding']
  }
  if (response !== 'untouched') fields['accept-encoding'] = 'identity'
  if (response === 'complete') for (const name of ['range', 'if-range']) delete fields[name]
  return request
}

function withOwn({ method, fields }: ClientRequest, target: Target, by: ForwardedBy): UpstreamRequest {
  return { target, method, fields: upstreamFields(fields, target.upstream.fields, by) }
}

function withHeld(
  client: ClientRequest,
  target: Target,
  by: ForwardedBy,
  { value, isToken, signsFor }: ChosenCredential,
): UpstreamRequest {
  const { upstream, path } = target
  const rest = withoutCredentials(client, upstream.credentialField, () => true)
  const kept = { ...rest.fields }
  for (const selector of ACCOUNT_FIELDS) delete kept[selector]
  if (signsFor) for (const name of SIGNATURE_FIELDS) delete kept[name]
  const fields = upstreamFields(kept, upstream.fields, by)
  if (!signsFor) {
    const [name, text] = credentialField(upstream, path, value.reveal(), isToken)
    fields[name] = text
  }
  const url = rest.query === client.query ? target.url : urlOf(upstream, path, rest.query)
  return { target: { ...target, url }, method: client.method, fields }
}
