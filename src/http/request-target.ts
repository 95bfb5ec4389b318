import { readPath, withoutDots, type PathReadings } from '../wire/url/path-readings.ts'

/** The target of a request, read once. */
export interface RequestTarget {
  /** Begins with `/`. Dot segments are resolved, everything else is unchanged. This is forwarded. */
  readonly path: string
  /** Begins with `?`, or is empty. */
  readonly query: string
  /** The path as it is judged. */
  readonly readings: PathReadings
  /** Why it must be refused; empty when it may pass. */
  readonly fault: string
}

/**
 * Parses a request URL, in origin form or absolute form.
 *
 * @param url as `Request.url` gives it. Without a usable `Host`, that is the target unchanged, with its dot segments
 */
export function requestTarget(url: string): RequestTarget {
  const authority = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3)
  const start = authority < 0 ? url.length : authority
  const queryStart = url.indexOf('?', start)
  const end = queryStart < 0 ? url.length : queryStart
  const path = withoutDots(url.slice(start, end) || '/')
  const readings = readPath(path)
  return { path, query: url.slice(end), readings, fault: faultOf(url, readings) }
}

function faultOf(url: string, { hidesDots }: PathReadings): string {
  // The HTTP client would cut it off, so the judged path would differ from the sent one.
  if (url.includes('#')) return 'the request target holds a fragment'
  return hidesDots ? 'the request path hides a dot segment' : ''
}
