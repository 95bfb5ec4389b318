import { readPath, withoutDots, type PathReadings } from '../wire/url/path-readings.ts'

/** What a request asks for, read once. */
export interface RequestTarget {
  /** Begins with `/`; dot segments resolved, everything else as it came. This is what is sent on. */
  readonly path: string
  /** Begins with `?`, or is empty. */
  readonly query: string
  /** The path as it is judged. */
  readonly readings: PathReadings
  /** Why it must be refused; empty when it may pass. */
  readonly fault: string
}

/**
 * Takes a request URL apart: origin-form and absolute-form targets alike.
 *
 * @param url as `Request.url` gives it. Without a usable `Host` that is the target as it came, dot segments and all
 */
export function requestTarget(url: string): RequestTarget {
  const authority = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  const start = authority < 0 ? url.length : authority
  const question = url.indexOf('?', start)
  const end = question < 0 ? url.length : question
  const path = withoutDots(url.slice(start, end) || '/')
  const readings = readPath(path)
  return { path, query: url.slice(end), readings, fault: faultOf(url, readings) }
}

function faultOf(url: string, { hidesDots }: PathReadings): string {
  // The HTTP client would cut it off, so what is judged would not be what is sent.
  if (url.includes('#')) return 'the request target holds a fragment'
  return hidesDots ? 'the request path hides a dot segment' : ''
}
