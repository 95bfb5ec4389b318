import type { Encoding } from '../usage/estimate.ts'

/** Text that is tokenized in one go. The algorithm is quadratic in a word, and a hostile text is one word. */
const PIECE_CHARACTERS = 2048

/**
 * Tokenizers for estimates, loaded when the first estimate needs one. A vocabulary is tens of megabytes. A gateway whose responses all
 * report their usage never needs it.
 */
export class Tokenizers {
  readonly #loaded = new Map<Encoding, (text: string) => number>()
  readonly #loading = new Map<Encoding, Promise<void>>()

  /** @returns a promise while the encoding is being loaded; `undefined` when it is at hand */
  load(encoding: Encoding): Promise<void> | undefined {
    if (this.#loaded.has(encoding)) return undefined
    let loading = this.#loading.get(encoding)
    if (!loading) {
      const library =
        encoding === 'o200k_base'
          ? import('gpt-tokenizer/encoding/o200k_base')
          : import('gpt-tokenizer/encoding/cl100k_base')
      loading = library.then(({ countTokens }) => void this.#loaded.set(encoding, countTokens))
      this.#loading.set(encoding, loading)
    }
    return loading
  }

  /** Tokens of a text; `undefined` when the encoding has not been loaded. */
  count(encoding: Encoding, text: string): number | undefined {
    const countTokens = this.#loaded.get(encoding)
    if (!countTokens) return undefined
    let tokens = 0
    for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
      tokens += countTokens(text.slice(at, at + PIECE_CHARACTERS))
    }
    return tokens
  }
}
