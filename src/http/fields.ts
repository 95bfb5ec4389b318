import { ALLOW_ORIGIN, replaceCorsFields } from './cors-fields.ts'

/** Fields of one connection, not of the message. @see https://datatracker.ietf.org/doc/html/rfc9110#section-7.6.1 */
const HOP_BY_HOP = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Prefix of the gateway's own fields: none of them travels upstream. */
const OWN = 'x-ongoingai-'

/** What the gateway itself puts into a forwarded request. */
export interface ForwardedBy {
  /** Lower-case name of the gateway key field. */
  readonly gatewayKeyField: string
  /** Address of the client without port; empty when unknown. */
  readonly clientAddress: string
  /** `Via` entry of this process. */
  readonly via: string
  /** Correlation id, if it is to travel. */
  readonly correlationId: string | undefined
}

/**
 * Fields of the request to the upstream: the client's, less those of its connection and the gateway's own.
 *
 * `Accept` and `User-Agent` are given values that mean the same as their absence, because the HTTP client would
 * otherwise put in its own.
 *
 * @param fields lower-case names
 */
export function upstreamFields(
  fields: Readonly<Record<string, string>>,
  { gatewayKeyField, clientAddress, via, correlationId }: ForwardedBy,
): Record<string, string> {
  const forwarded: Record<string, string> = {}
  const named = connectionOptions(fields['connection'])
  for (const name in fields) {
    if (name === 'host' || name === gatewayKeyField || name.startsWith(OWN)) continue
    if (HOP_BY_HOP.includes(name) || named?.includes(name)) continue
    forwarded[name] = fields[name]!
  }
  forwarded['via'] = forwarded['via'] ? `${forwarded['via']}, ${via}` : via
  if (clientAddress !== '') {
    const before = forwarded['x-forwarded-for']
    forwarded['x-forwarded-for'] = before ? `${before}, ${clientAddress}` : clientAddress
  }
  if (correlationId !== undefined) forwarded['x-ongoingai-correlation-id'] = correlationId
  forwarded['accept'] ??= '*/*'
  forwarded['user-agent'] ??= ''
  return forwarded
}

/**
 * Fields of the answer to the client: the upstream's, less those of its connection, with ours set over them. Where ours speak to pages of an
 * origin, the upstream's words to pages give way.
 *
 * @param own lower-case names
 */
export function clientFields(upstream: Headers, own: Readonly<Record<string, string>>): Headers {
  const headers = new Headers(upstream)
  const connection = upstream.get('connection')
  if (connection !== null) for (const name of connectionOptions(connection)!) headers.delete(name)
  for (const name of HOP_BY_HOP) if (headers.has(name)) headers.delete(name)
  if (own[ALLOW_ORIGIN] !== undefined) replaceCorsFields(headers, own)
  else for (const name in own) headers.set(name, own[name]!)
  return headers
}

/** Field names that a `Connection` value lists. */
function connectionOptions(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined
  return value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name))
}
