/** The host that a request names. */
export interface RequestHost {
  /** Host, and port if it was given, in lower case: what a page's origin has behind its scheme. Empty when the request names none. */
  readonly authority: string
  /** The host alone, without brackets and without the dot of a full name; empty when the request names none. */
  readonly name: string
}

const NO_HOST: RequestHost = { authority: '', name: '' }

/** An address in brackets, or a name or IPv4 address; then a port. The runtime joins repeated fields by commas, which no host has. */
const HOST = /^(?:\[([0-9A-Za-z:.%_-]+)\]|([0-9A-Za-z._~!$&'()*+;=%-]+))(?::\d*)?$/

/**
 * Reads the `Host` of a request.
 *
 * @param field `null` for a request without one, which HTTP/1.0 allows; it names no host then
 * @returns `undefined` for two fields, an empty one, and what is no host
 * @see https://datatracker.ietf.org/doc/html/rfc9112#section-3.2
 */
export function readHost(field: string | null): RequestHost | undefined {
  if (field === null) return NO_HOST
  const found = HOST.exec(field)
  if (!found) return undefined
  const name = (found[1] ?? found[2] ?? '').toLowerCase()
  return { authority: field.toLowerCase(), name: name.endsWith('.') ? name.slice(0, -1) : name }
}
