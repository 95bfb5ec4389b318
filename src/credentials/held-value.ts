const SHOWN = '[credential]'

/**
 * The value of a credential that the gateway holds. It shows itself nowhere: not in JSON, texts, logs or errors. It cannot be sent to
 * another thread.
 */
export class HeldValue {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The value itself, for the field of a request to the provider and nothing else. */
  reveal(): string {
    return this.#text
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
