import { unescape } from '../wire/text-escapes.ts'

/** Gives the text that replaces a match. */
export interface Placeholders {
  /** @param type of what was found: `EMAIL` */
  of(type: string, value: string): string
}

/**
 * Placeholders with a hash. Within a workspace equal values get equal placeholders, so readers can compare values without seeing them.
 *
 * With the original's salt they are the original's. Without it, the hash is keyed by a secret of the installation, the organization and
 * the workspace. So a reader of the store cannot try all phone numbers, and cannot follow a value across workspaces.
 */
export class HashedPlaceholders implements Placeholders {
  readonly #format: string
  readonly #salt: string
  readonly #workspaceId: string
  readonly #key: Uint8Array

  constructor(
    {
      format,
      hashSalt,
      hashKey,
    }: { readonly format: string; readonly hashSalt: string; readonly hashKey: string },
    { organizationId, workspaceId }: { readonly organizationId: string; readonly workspaceId: string },
  ) {
    this.#format = format.trim() === '' ? '[{type}_REDACTED:{hash}]' : format.trim()
    this.#salt = hashSalt
    this.#workspaceId = workspaceId
    this.#key = hmac(hashKey, JSON.stringify(['redaction', organizationId, workspaceId]))
  }

  of(type: string, value: string): string {
    const hash = this.#salt === '' ? hmac(this.#key, value).toHex().slice(0, 16) : this.#saltedHash(value)
    return this.#format.replaceAll('{type}', () => type.toUpperCase()).replaceAll('{hash}', () => hash)
  }

  #saltedHash(value: string): string {
    return originalHash(this.#workspaceId, this.#salt, value)
  }
}

/** The original's hash: the first 8 bytes of SHA-256 over workspace, salt and value, in hexadecimal. */
export function originalHash(workspaceId: string, salt: string, value: string): string {
  return new Bun.CryptoHasher('sha256').update(`${workspaceId}:${salt}:${value}`).digest('hex').slice(0, 16)
}

/**
 * Placeholders of one exchange that can be put back. They are numbered by type, so a conversation that goes on gets the same ones
 * again, and the provider's prompt cache keeps working.
 */
export class ReversiblePlaceholders implements Placeholders {
  readonly #mark: string
  readonly #byValue = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  /** @param text in which they are to stand; none of them stands there already */
  constructor(text: string) {
    const taken = new Set<string>()
    for (const reading of [text, unescape(text)?.text ?? ''])
      for (const match of reading.matchAll(/\[[A-Z0-9_]+_(\d+X)?\d+\]/g)) taken.add(match[1] ?? '')
    let mark = ''
    for (let number = 1; taken.has(mark); number++) mark = `${number}X`
    this.#mark = mark
  }

  of(type: string, value: string): string {
    const known = this.#byValue.get(value)
    if (known !== undefined) return known
    const name = type.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')
    const number = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, number)
    const placeholder = `[${name}_${this.#mark}${number}]`
    this.#byValue.set(value, placeholder)
    return placeholder
  }

  /** Values by placeholder. */
  values(): [placeholder: string, value: string][] {
    return [...this.#byValue].map(([value, placeholder]) => [placeholder, value])
  }
}

function hmac(key: string | Uint8Array, text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Bun.CryptoHasher('sha256', key).update(text).digest())
}
