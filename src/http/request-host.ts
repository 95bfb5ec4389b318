/** The host that a request names. */
export interface RequestHost {
  /** Host, and port if given, in lower case, as in an origin behind its scheme. Empty when the request names none. */
  readonly authority: string
  /** The host without port, brackets or trailing dot. Empty when the request names none. */
  readonly name: string
}

const NO_HOST: RequestHost = { authority: '', name: '' }

/**
 * An address in brackets, or a name or IPv4 address, then a port. The runtime joins repeated fields with commas,
 * which no host contains.
 */
const HOST = /^(?:\[([0-9A-Za-z:.%_-]+)\]|([0-9A-Za-z._~!$&'()*+;=%-]+))(?::\d*)?$/

/**
 * Reads the `Host` of a request.
 *
 * @param field `null` if absent, which HTTP/1.0 allows: the request then names no host
 * @returns `undefined` for a repeated, empty or invalid field
 * @see https://datatracker.ietf.org/doc/html/rfc9112#section-3.2
 */
export function readHost(field: string | null): RequestHost | undefined {
  if (field === null) return NO_HOST
  const found = HOST.exec(field)
  if (!found) return undefined
  const name = (found[1] ?? found[2] ?? '').toLowerCase()
  return { authority: field.toLowerCase(), name: name.endsWith('.') ? name.slice(0, -1) : name }
}
