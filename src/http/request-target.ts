/** Path and query of a request target, as the server hands it over: dot segments resolved, escapes kept. */
export interface RequestTarget {
  /** Begins with `/`. */
  readonly path: string
  /** Begins with `?`, or is empty. */
  readonly query: string
}

/** A segment that begins with a dot, which may be one that must be resolved. */
const DOTTED = /\/(?:\.|%2e)/i

/**
 * Splits a request URL: origin-form and absolute-form targets alike.
 *
 * @param url as `Request.url` gives it. Without a host it is the bare target; with one that no URL can have (`1.2.3.4.5`) dot segments were not
 * resolved.
 */
export function requestTarget(url: string): RequestTarget {
  const authority = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  const start = authority < 0 ? url.length : authority
  const question = url.indexOf('?', start)
  const path = question < 0 ? url.slice(start) : url.slice(start, question)
  return {
    path: DOTTED.test(path) ? new URL(`http://gateway${path}`).pathname : path || '/',
    query: question < 0 ? '' : url.slice(question),
  }
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
