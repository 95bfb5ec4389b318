/** Largest number of named findings per kind. The rest is counted. */
const NAMED = 20

/** A price list that cannot be used. The message names every mistake, one to a line, each with its place. */
export class PriceFileError extends Error {
  override readonly name = 'PriceFileError'
}

/** Collects mistakes and doubts in a price list. Bounded, however bad the list is. */
export class Findings {
  readonly #mistakes: string[] = []
  readonly #warnings: string[] = []
  #mistaken = 0
  #doubted = 0

  /** @param place a line or a path in the list; empty for a message without a place */
  wrong(place: string, message: string): void {
    this.#mistaken += 1
    if (this.#mistakes.length < NAMED) this.#mistakes.push(shown(place, message))
  }

  doubtful(place: string, message: string): void {
    this.#doubted += 1
    if (this.#warnings.length < NAMED) this.#warnings.push(shown(place, message))
  }

  get warnings(): readonly string[] {
    return withRest(this.#warnings, this.#doubted)
  }

  /** @throws PriceFileError when anything was wrong */
  throwIfWrong(): void {
    if (this.#mistaken > 0) throw new PriceFileError(withRest(this.#mistakes, this.#mistaken).join('\n'))
  }
}

function withRest(named: readonly string[], all: number): readonly string[] {
  return all > named.length ? [...named, `and ${all - named.length} more`] : named
}

/** Removes terminal control characters that a list may have put into a name. */
function shown(place: string, message: string): string {
  return `${place.slice(0, 200)}: ${message.slice(0, 1000)}`.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?')
}
