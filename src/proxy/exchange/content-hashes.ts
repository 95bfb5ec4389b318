import type { Fidelity } from '../../traces/exchange.ts'

/** Where content passes: from the client, to the target, from the target, to the client. */
export type ContentPlace = 'request' | 'sent' | 'response' | 'relayed'

/** Hashes of an exchange's content, made while it passes. Content that passes unchanged is hashed once. */
export class ContentHashes {
  readonly #streams = new Map<ContentPlace, Bun.SHA256>()
  readonly #whole = new Map<ContentPlace, Uint8Array>()

  /** A chunk passes. */
  chunk(place: ContentPlace, bytes: Uint8Array): void {
    let stream = this.#streams.get(place)
    if (!stream) this.#streams.set(place, (stream = new Bun.SHA256()))
    stream.update(bytes)
  }

  /** Content passes as a whole. The newest counts. */
  whole(place: ContentPlace, bytes: Uint8Array): void {
    this.#whole.set(place, bytes)
  }

  /**
   * The hashes. A side without content has that of nothing; `sent` and `relayed` are those of the other end of their side unless they differ.
   *
   * @param responded the target has responded: otherwise its side has no hashes
   * @param complete nothing was cut short
   */
  result(responded: boolean, complete: boolean): Fidelity {
    const request = this.#hashOf('request') ?? EMPTY
    const sent = this.#isSame('request', 'sent') ? request : this.#hashOf('sent')
    const response = responded ? (this.#hashOf('response') ?? EMPTY) : undefined
    const relayed = this.#isSame('response', 'relayed') ? response : this.#hashOf('relayed')
    return {
      request_sha256: request,
      sent_sha256: sent ?? request,
      ...(response === undefined ? {} : { response_sha256: response, relayed_sha256: relayed ?? response }),
      ...(complete ? {} : { complete: false }),
    }
  }

  #isSame(one: ContentPlace, other: ContentPlace): boolean {
    return this.#whole.has(one) && this.#whole.get(one) === this.#whole.get(other)
  }

  #hashOf(place: ContentPlace): string | undefined {
    const whole = this.#whole.get(place)
    return whole ? Bun.SHA256.hash(whole, 'hex') : this.#streams.get(place)?.digest('hex')
  }
}

/** SHA-256 of nothing. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
