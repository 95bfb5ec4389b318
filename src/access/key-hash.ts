/** How the hash of a stored key was made: as the Go gateway did, or with the installation's pepper. */
export type KeyScheme = 'sha256' | 'hmac-sha256'

/** Lower-case hexadecimal SHA-256 of a token. */
export function sha256Of(token: string): string {
  return Bun.SHA256.hash(token, 'hex')
}

/** Lower-case hexadecimal HMAC-SHA-256 of a token: who has the store but not the pepper cannot try tokens against it. */
export function hmacOf(pepper: string, token: string): string {
  return new Bun.CryptoHasher('sha256', pepper).update(token).digest('hex')
}

/** Distinguishes peppers without revealing them. */
export function pepperPrint(pepper: string): string {
  return hmacOf(pepper, 'fingerprint of the pepper')
}
