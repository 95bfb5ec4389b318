/** How a path is read wherever something is decided by it. Nothing of it is sent. */
export interface PathReadings {
  /**
   * Escapes undone of what a segment may hold unescaped. It has the segments of the path as sent, so this is where an
   * escaped `/` is part of a name: of the resource name of a model, for example.
   */
  readonly plain: string
  /**
   * What the most obliging server makes of it: every escape undone, however often escaped, `\` taken for `/`, path
   * parameters (`;…`) and empty segments dropped, cut at an escaped end (`?`, `#`, NUL).
   */
  readonly loose: string
  /** Somebody who undoes escapes, `\` or path parameters, and perhaps sends the path on, finds a dot segment, and with it another path. */
  readonly hidesDots: boolean
}

/** What makes the readings of a path differ. */
const SPECIAL = /[%\\;]|\/\//

/** An escape, or Microsoft's `%u002e`, and how often its `%` was escaped again. */
const ESCAPE = /%(?:25)*(?:[uU]00)?([0-9A-Fa-f]{2})/g

/** ASCII in more bytes than it needs: no UTF-8, but some decoders take it. @see https://datatracker.ietf.org/doc/html/rfc3629#section-10 */
const OVERLONG = /(?:(?:\xf0\x80|\xe0)([\x80\x81])|([\xc0\xc1]))([\x80-\xbf])/g

/** What URL parsers drop wherever it stands. @see https://url.spec.whatwg.org/#concept-basic-url-parser */
const DROPPED = /[\t\n\r]/g

/** A dot segment, up to where one who reads the decoded path again sees its end: spaces and control characters end a request's target. */
const DOT_SEGMENT = /(?:^|[/\\])\.\.?(?=[/\\;?#\x00-\x20]|$)/

/** What a segment may hold as it is (RFC 3986, `pchar`), but for `;`, which some servers cut at. */
const SEGMENT_CHARACTER = /[A-Za-z0-9\-._~!$&'()*+,=:@]/

/** Nobody escapes what was escaped so often; each round undoes any number of escapes of a `%`. */
const MAX_ROUNDS = 8

/**
 * Reads a path once for all that judge it: the router, a key's routes, redaction scopes, the table of metered calls.
 *
 * @param path dot segments resolved, escapes as they came
 * @see https://datatracker.ietf.org/doc/html/rfc3986#section-6.2.2
 */
export function readPath(path: string): PathReadings {
  if (!SPECIAL.test(path)) return { plain: path, loose: path, hidesDots: false }
  const decoded = decodedThrough(path)?.replace(DROPPED, '')
  return {
    plain: path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
      const character = characterOf(escape.slice(1))
      return SEGMENT_CHARACTER.test(character) ? character : escape
    }),
    loose: (decoded ?? path)
      .replace(/[\x00?#].*/s, '')
      .replaceAll('\\', '/')
      .replace(/;[^/]*/g, '')
      .replace(/\/{2,}/g, '/'),
    hidesDots: decoded === undefined || DOT_SEGMENT.test(decoded),
  }
}

/** Resolves dot segments, however they are written, as the HTTP client will. @see https://url.spec.whatwg.org/#path-state */
export function withoutDots(path: string): string {
  if (!/[\\]|\/(?:\.|%2e)/i.test(path)) return path
  const segments: string[] = []
  const given = path.replaceAll('\\', '/').split('/').slice(1)
  for (const [i, segment] of given.entries()) {
    const dots = segment.replace(/%2e/gi, '.')
    if (dots === '..') segments.pop()
    if (dots !== '.' && dots !== '..') segments.push(segment)
    else if (i === given.length - 1) segments.push('')
  }
  return `/${segments.join('/')}`
}

/** A path with no escapes left; `undefined` for one that was escaped over and over. */
function decodedThrough(path: string): string | undefined {
  let text = path
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const decoded = text
      .replace(ESCAPE, (_, hex: string) => characterOf(hex))
      .replace(OVERLONG, (_, long = '', short = '', last: string) => narrow(long + short, last))
    if (decoded === text) return text
    text = decoded
  }
  return undefined
}

/** @param lead byte with the seventh bit of the character @param last byte with the other six */
function narrow(lead: string, last: string): string {
  return String.fromCharCode(((lead.charCodeAt(0) & 1) << 6) | (last.charCodeAt(0) & 0x3f))
}

function characterOf(hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16))
}
