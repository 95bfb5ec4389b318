/** Characters of a token that are kept, so that people recognise it. */
const PREFIX_LENGTH = 8

/** A token must be this much longer than its stored part. */
const SECRET_LENGTH = 12

/** Tokens below these are weak: they can be guessed. */
const MIN_LENGTH = 16
const MIN_DIFFERENT = 8

/** A new token: `ogk_` and 32 characters of URL-safe base64, 192 bits. */
export function newToken(): string {
  return `ogk_${Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('base64url')}`
}

/** A new key id: `gk_` and 16 hexadecimal digits. */
export function newKeyId(): string {
  return `gk_${Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')}`
}

/** The beginning of a token, by which people recognise it; empty for one that is too short to show any of. */
export function tokenPrefix(token: string): string {
  return token.length >= PREFIX_LENGTH + SECRET_LENGTH ? token.slice(0, PREFIX_LENGTH) : ''
}

/** Whether a token can be guessed: short, or of few different characters. */
export function isWeakToken(token: string): boolean {
  return token.length < MIN_LENGTH || new Set(token).size < MIN_DIFFERENT
}
