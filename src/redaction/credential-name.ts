/** Words that say of a name that its value is a credential. `tokens` is none of them: it is what models are billed by. */
const CREDENTIAL =
  /^(?:keys?|token|o?auth|authorization|authentication|secrets?|sig|signatures?|[a-z]*passwords?|passwd|pwd|passphrase|passcode|sessions?|cookies?|pass|pw|otp|pat|sas|hmac|authn|authz|dpop|[cx]srf|credentials?|creds?|jwt|bearer|assertion)$/

/** The same, written together: `apikey`, `accesstoken`. */
const TOGETHER =
  /(?:(?:api|access|account|app|auth|bot|client|encryption|function|host|id|license|master|my|private|project|refresh|secret|security|server|service|session|shared|signing|subscription)(?:keys?|token|secrets?)|connectionstring)$/

/** Last words of names that describe a credential, or number it: `session-id`, `input-token-count`. */
const ABOUT =
  /^(?:affinity|age|algorithm|alias|bucket|budget|consent|counts?|disabled|duration|enabled|expires|expiration|expiry|hint|ids?|length|limits?|method|modes?|names?|percent|policy|prefix|provider|remaining|requests|reset|results|size|spend|status|ttl|types?|usage|version)$/

/** Words before `key` or `token` of what gives no access: `idempotency-key`, `pageToken`. */
const HARMLESS =
  /^(?:allow|cache|continuation|idempotency|next|page|partition|per|primary|public|routing|sort|surrogate|sync)$/

/** Results by name. Names repeat; made-up ones must not fill the memory. */
const KNOWN = new Map<string, boolean>()
const MAX_KNOWN = 2000
const MAX_NAME_LENGTH = 256

/**
 * Whether a name says that its value is a credential: of a header field, a parameter of a query, a member of JSON.
 *
 * A name is judged by its words, which `-`, `_`, other signs and capitals divide. One of them must be a word like key, token, auth, secret,
 * signature, password, session, cookie or credential. Not so where the last word says that the value only describes
 * it (`session_id`, `token-count`, `x-key-limit`), nor where the word before says that it gives no access (`idempotency-key`, `pageToken`).
 *
 * @param name in any case
 */
export function isCredentialName(name: string): boolean {
  const known = KNOWN.get(name)
  if (known !== undefined) return known
  const judged = judge(name.slice(-MAX_NAME_LENGTH))
  if (KNOWN.size < MAX_KNOWN && name.length <= MAX_NAME_LENGTH) KNOWN.set(name, judged)
  return judged
}

function judge(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean)
  if (ABOUT.test(words.at(-1) ?? '')) return false
  return (
    TOGETHER.test(words.join('')) ||
    words.some((word, i) => CREDENTIAL.test(word) && !HARMLESS.test(words[i - 1] ?? ''))
  )
}
