/** Path and query of a request target, as the server hands it over: dot segments resolved, escapes kept. */
export interface RequestTarget {
  /** Begins with `/`. */
  readonly path: string
  /** Begins with `?`, or is empty. */
  readonly query: string
}

/**
 * Splits a request URL without parsing it: origin-form and absolute-form targets alike.
 *
 * @param url as `Request.url` gives it; for HTTP/1.0 without a host it is the bare path
 */
export function requestTarget(url: string): RequestTarget {
  const authority = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  const start = authority < 0 ? url.length : authority
  const question = url.indexOf('?', start)
  if (question < 0) return { path: url.slice(start) || '/', query: '' }
  return { path: url.slice(start, question) || '/', query: url.slice(question) }
}

/**
 * A path with the escapes of unreserved characters undone, so that `/%6Fpenai` and `/openai` are one path. The
 * two have the same number of segments.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc3986#section-6.2.2.2
 */
export function normalisedPath(path: string): string {
  if (!path.includes('%')) return path
  return path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : escape
  })
}
