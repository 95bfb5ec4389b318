import type { FieldChanges } from '../providers/settings.ts'
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

/** The characters of a field name. @see https://datatracker.ietf.org/doc/html/rfc9110#section-5.1 */
export const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Prefix of the gateway's own fields. None is sent upstream. */
const OWN = 'x-ongoingai-'

/** Fields in which a CDN or proxy describes the client, its network or the route. */
const CLIENT_FIELDS = ['cdn-loop', 'forwarded', 'true-client-ip', 'x-real-ip']

/** Which of a client's fields are forwarded to one upstream, computed once. Names are lower-case. */
export interface FieldRules {
  readonly dropped: ReadonlySet<string>
  /** A CDN's or proxy's fields about the client are forwarded too. */
  readonly forwardClientFields: boolean
  /** Fields that are added, or replace the client's. */
  readonly set: readonly (readonly [name: string, value: string])[]
  /** The client's address is appended to `X-Forwarded-For`. */
  readonly forwardedFor: boolean
}

/** Computes which fields are forwarded to a provider. @param gatewayKeyField lower-case */
export function fieldRules(
  gatewayKeyField: string,
  forwardClientFields: boolean,
  { set, remove }: FieldChanges,
): FieldRules {
  const client = forwardClientFields ? [] : CLIENT_FIELDS
  return {
    dropped: new Set(['host', gatewayKeyField, ...HOP_BY_HOP, ...client, ...remove]),
    forwardClientFields,
    set,
    forwardedFor: forwardClientFields && !remove.includes('x-forwarded-for'),
  }
}

/** What the gateway adds to a forwarded request. */
export interface ForwardedBy {
  /** Address of the client without port; empty when unknown. */
  readonly clientAddress: string
  /** `Via` entry of this process. */
  readonly via: string
  /** Correlation id, if it is forwarded. */
  readonly correlationId: string | undefined
}

/**
 * Fields of the request to the upstream: the client's, changed as the provider's settings say. Fields of the
 * connection, of the client's network and of the gateway are left out.
 *
 * If `Accept` or `User-Agent` is absent, it gets a value that means the same. Otherwise the HTTP client would add its
 * own.
 *
 * @param fields lower-case names
 */
export function upstreamFields(
  fields: Readonly<Record<string, string>>,
  rules: FieldRules,
  { clientAddress, via, correlationId }: ForwardedBy,
): Record<string, string> {
  const forwarded: Record<string, string> = {}
  const { connection } = fields
  const named = connection === undefined ? undefined : connectionOptions(connection)
  for (const name in fields) {
    if (isDropped(name, rules) || named?.includes(name)) continue
    forwarded[name] = fields[name]!
  }
  forwarded['via'] = forwarded['via'] ? `${forwarded['via']}, ${via}` : via
  if (rules.forwardedFor && clientAddress !== '') {
    const before = forwarded['x-forwarded-for']
    forwarded['x-forwarded-for'] = before ? `${before}, ${clientAddress}` : clientAddress
  }
  if (correlationId !== undefined) forwarded['x-ongoingai-correlation-id'] = correlationId
  for (const [name, value] of rules.set) forwarded[name] = value
  forwarded['accept'] ??= '*/*'
  forwarded['user-agent'] ??= ''
  return forwarded
}

/** Runs for each field of each request, so most names are decided by their first letter. */
function isDropped(name: string, { dropped, forwardClientFields }: FieldRules): boolean {
  if (dropped.has(name)) return true
  switch (name.charCodeAt(0)) {
    case LETTER_C:
      // Cloudflare's AI Gateway takes its options, which clients set, in `cf-aig-*`.
      return !forwardClientFields && name.startsWith('cf-') && !name.startsWith('cf-aig-')
    case LETTER_X:
      return name.startsWith(OWN) || (!forwardClientFields && name.startsWith('x-forwarded-'))
    default:
      return false
  }
}

const LETTER_C = 99
const LETTER_X = 120

/**
 * Fields of the response to the client: the upstream's without those of its connection, then ours. If ours include
 * CORS fields, they replace all of the upstream's.
 *
 * @param headers the upstream's, changed in place: a copy would cost more than all else here
 * @param fields the same with lower-case names: asking them costs less than asking `Headers`
 * @param own lower-case names
 */
export function clientFields(
  headers: Headers,
  fields: Readonly<Record<string, string | readonly string[]>>,
  own: Readonly<Record<string, string>>,
): Headers {
  const { connection } = fields
  if (connection !== undefined) for (const name of connectionOptions(String(connection))) headers.delete(name)
  for (const name of HOP_BY_HOP) if (fields[name] !== undefined) headers.delete(name)
  if (own[ALLOW_ORIGIN] !== undefined) replaceCorsFields(headers, own)
  else for (const name in own) headers.set(name, own[name]!)
  return headers
}

/** Field names that a `Connection` value lists. */
function connectionOptions(value: string): readonly string[] {
  return value
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => FIELD_NAME.test(name))
}
