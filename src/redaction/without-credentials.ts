import { isCredentialName } from './credential-name.ts'
import { secret } from './detectors/secret.ts'

/** What stands where a credential stood. */
export const REDACTED = '[REDACTED]'

/** Texts shorter than this hold no credential. */
const MIN_LENGTH = 8

/** User name and password of a URL. @see https://datatracker.ietf.org/doc/html/rfc3986#section-3.2.1 */
const USER_INFO = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^/\s"'<>@]{1,512}@/gi

/** `name=value`, as in queries, forms and connection strings; of a name with dots (`auth.enabled=true`) its end. */
const PAIR = /(?<![\w-])([a-z][\w-]{0,63})=(?!\[)("[^"]{4,}"|'[^']{4,}'|[^\s&;,"'<>()\]}#]{4,})/gi

/** `"name": "value"`, as in JSON. */
const MEMBER = /"([a-z][\w. -]{0,63})"(\s{0,8}:\s{0,8})"(?!\[)((?:[^"\\]|\\.){4,})"/gi

/** `name: value`, as fields are written; names of one word are words of sentences too. */
const FIELD = /(?<![\w.-])([a-z]\w{0,31}[-_][\w-]{1,63}): {0,8}(?!\[)([^\s,;"'<>]{4,})/gi

/** A challenge (`Bearer realm="…"`) is none. @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
const BEARER = /\b(Bearer\s{1,8})(?!\[|\w{1,64}=")[\w.\-/+=~]{8,}/gi

/** No pattern above matches without one of these. */
const SIGNS = /[=:]|bearer\s/i

/**
 * A text without credentials: user names and passwords of URLs, values whose names say that they are one
 * (`credential-name.ts`), and what the detector of secrets matches. A text that holds none is returned unchanged.
 *
 * @param put what stands in their place
 */
export function withoutCredentials(text: string, put = REDACTED): string {
  if (text.length < MIN_LENGTH || CLEAN.has(text)) return text
  const clean = cleaned(text, put)
  if (clean === text && text.length <= MAX_CLEAN_LENGTH) {
    if (CLEAN.size >= MAX_CLEAN) CLEAN.clear()
    CLEAN.add(text)
  }
  return clean
}

/** Texts that hold no credential: the same names, paths and header values come again and again. */
const CLEAN = new Set<string>()
const MAX_CLEAN = 4000
const MAX_CLEAN_LENGTH = 256

function cleaned(text: string, put: string): string {
  let clean = text
  if (SIGNS.test(text)) {
    clean = clean
      .replace(USER_INFO, (_, scheme: string) => `${scheme}${put}@`)
      .replace(PAIR, (whole, name: string) => (isCredentialName(name) ? `${name}=${put}` : whole))
      .replace(MEMBER, (whole, name: string, colon: string) =>
        isCredentialName(name) ? `"${name}"${colon}"${put}"` : whole,
      )
      .replace(FIELD, (whole, name: string) => (isCredentialName(name) ? `${name}: ${put}` : whole))
      .replace(BEARER, (_, scheme: string) => `${scheme}${put}`)
  }
  const found = secret.match(clean)
  if (found.length === 0) return clean
  let rest = ''
  let from = 0
  for (const { start, end } of found) {
    rest += clean.slice(from, start) + put
    from = end
  }
  return rest + clean.slice(from)
}

/** URLs of a text without what follows their path: a query may be a signature by itself. */
export function withoutQueries(text: string): string {
  if (!text.includes('://')) return text
  return text.replace(URL_QUERY, (_, url: string, sign: string) => `${url}${sign}${REDACTED}`)
}

const URL_QUERY = /([a-z][a-z0-9+.-]{0,31}:\/\/[^\s"'<>?#]{0,2048})([?#])[^\s"'<>]+/gi
