import { upstreamFields, type ForwardedBy } from '../../http/fields.ts'
import type { ContentFacts } from '../../traces/exchange.ts'
import type { Target } from './upstream.ts'

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
 * Builds the request to a target, for HTTP and WebSockets: the client's fields, without those that must not travel, changed by the
 * provider's settings.
 */
export function upstreamRequest(
  client: {
    readonly method: string
    readonly fields: Readonly<Record<string, string>>
    readonly requestFacts: ContentFacts
  },
  target: Target,
  by: ForwardedBy,
  { changed, response }: ContentHandling,
  upgrade: boolean,
): UpstreamRequest {
  const fields = upstreamFields(client.fields, target.upstream.fields, by)
  if (upgrade) for (const name of HANDSHAKE) delete fields[name]
  if (changed) {
    delete fields['content-length']
    if (client.requestFacts.codings !== 'identity') delete fields['content-encoding']
  }
  if (response !== 'untouched') fields['accept-encoding'] = 'identity'
  if (response === 'complete') for (const name of ['range', 'if-range']) delete fields[name]
  return { target, method: client.method, fields }
}
