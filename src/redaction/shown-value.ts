import { REDACTED, withoutCredentials } from './without-credentials.ts'

/**
 * A configured value as people may see it, in messages and on the screen: of a URL neither user nor password nor
 * query, whether or not it is valid. What cannot be parsed is judged by its signs, and rather too much of it is hidden.
 */
export function shownValue(value: string): string {
  return withoutCredentials(withoutQuery(withoutUserInfo(value)))
}

/** Everything between the scheme and the last `@`: passwords hold `/`, `?`, `@` and spaces where they should not. */
function withoutUserInfo(value: string): string {
  const at = value.lastIndexOf('@')
  if (at < 0) return value
  const scheme = /^\s*[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0] ?? ''
  // Without a scheme, only a colon separates a name from a password.
  if (scheme === '' && !value.slice(0, at).includes(':')) return value
  return `${scheme}${REDACTED}${value.slice(at)}`
}

/** What follows the path of a URL, or of one word that has a parameter. */
function withoutQuery(value: string): string {
  const authority = value.indexOf('://')
  const word = authority < 0 && value.includes('=', value.indexOf('?')) && /^[^\s?]*\?\S+$/.test(value)
  if (authority < 0 && !word) return value
  const from = Math.max(authority, 0)
  const end = value.slice(from).search(/[?#]./s)
  return end < 0 ? value : `${value.slice(0, from + end + 1)}${REDACTED}`
}
