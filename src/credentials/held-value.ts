const SHOWN = '[credential]'

/**
 * The value of a credential that the gateway holds. It shows itself nowhere: not in JSON, texts, logs or errors. It cannot be sent to
 * another thread.
 */
export class HeldValue {
  readonly #text: string
  readonly #secrets: readonly string[]

  /** @param secrets the parts of the text that no copy may show */
  constructor(text: string, secrets: readonly string[] = [text]) {
    this.#text = text
    this.#secrets = secrets
  }

  /** The value itself, for a field of a request to the provider, or its signature, and nothing else. */
  reveal(): string {
    return this.#text
  }

  /** What no copy may show. For the recorder alone. */
  revealSecrets(): readonly string[] {
    return this.#secrets
  }

  /** Whether both hold the same text. */
  equals(other: HeldValue | undefined): boolean {
    return other !== undefined && other.#text === this.#text
  }

  toString(): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN
  }
}
