import type { FieldChanges } from '../config/config.ts'
import { ALLOW_ORIGIN, replaceCorsFields } from './cors-fields.ts'

/** Fields of one connection, not of the message. @see https://datatracker.ietf.org/doc/html/rfc9110#section-7.6.1 */
export const HOP_BY_HOP: readonly string[] = [
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

/** What a field name may be made of. @see https://datatracker.ietf.org/doc/html/rfc9110#section-5.1 */
export const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Prefix of the gateway's own fields: none of them travels upstream. */
const OWN = 'x-ongoingai-'

/** Fields in which a CDN or proxy says something of the client, its network or its own way. */
const CLIENT_FIELDS = ['cdn-loop', 'forwarded', 'true-client-ip', 'x-real-ip']

/** Beginnings of the names of such fields. */
const CLIENT_PREFIXES = ['cf-', 'x-forwarded-']

/** Cloudflare's AI Gateway takes its options, which clients set, in fields of this prefix; its network sets none. */
const CLIENTS_OWN = 'cf-aig-'

/** Which of a client's fields travel to one upstream, worked out once. Names are lower-case. */
export interface FieldRules {
  readonly dropped: ReadonlySet<string>
  /** Prefixes of what is dropped too. */
  readonly droppedPrefixes: readonly string[]
  /** Fields that are put in, or replace the client's. */
  readonly set: readonly (readonly [name: string, value: string])[]
  /** The client's address is appended to `X-Forwarded-For`. */
  readonly forwardedFor: boolean
}

/** @param gatewayKeyField lower-case */
export function fieldRules(
  gatewayKeyField: string,
  forwardClientFields: boolean,
  { set, remove }: FieldChanges,
): FieldRules {
  const client = forwardClientFields ? [] : CLIENT_FIELDS
  return {
    dropped: new Set(['host', gatewayKeyField, ...HOP_BY_HOP, ...client, ...remove]),
    droppedPrefixes: [OWN, ...(forwardClientFields ? [] : CLIENT_PREFIXES)],
    set,
    forwardedFor: forwardClientFields && !remove.includes('x-forwarded-for'),
  }
}

/** What the gateway itself puts into a forwarded request. */
export interface ForwardedBy {
  /** Address of the client without port; empty when unknown. */
  readonly clientAddress: string
  /** `Via` entry of this process. */
  readonly via: string
  /** Correlation id, if it is to travel. */
  readonly correlationId: string | undefined
}

/**
 * Fields of the request to the upstream: the client's, less those of its connection, of its network and the gateway's own, changed as the
 * provider's settings say.
 *
 * `Accept` and `User-Agent` are given values that mean the same as their absence, because the HTTP client would
 * otherwise put in its own.
 *
 * @param fields lower-case names
 */
export function upstreamFields(
  fields: Readonly<Record<string, string>>,
  { dropped, droppedPrefixes, set, forwardedFor }: FieldRules,
  { clientAddress, via, correlationId }: ForwardedBy,
): Record<string, string> {
  const forwarded: Record<string, string> = {}
  const named = connectionOptions(fields['connection'])
  for (const name in fields) {
    if (dropped.has(name) || named?.includes(name) || beginsWithOne(name, droppedPrefixes)) continue
    forwarded[name] = fields[name]!
  }
  forwarded['via'] = forwarded['via'] ? `${forwarded['via']}, ${via}` : via
  if (forwardedFor && clientAddress !== '') {
    const before = forwarded['x-forwarded-for']
    forwarded['x-forwarded-for'] = before ? `${before}, ${clientAddress}` : clientAddress
  }
  if (correlationId !== undefined) forwarded['x-ongoingai-correlation-id'] = correlationId
  for (const [name, value] of set) forwarded[name] = value
  forwarded['accept'] ??= '*/*'
  forwarded['user-agent'] ??= ''
  return forwarded
}

function beginsWithOne(name: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) if (name.startsWith(prefix)) return !name.startsWith(CLIENTS_OWN)
  return false
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
    .filter((name) => FIELD_NAME.test(name))
}
