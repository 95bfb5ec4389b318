/** Where a walk through JSON stands: the members and elements that lead there. */
export interface JsonPlace {
  /** Name of the member whose value this is; empty in arrays and at the top. */
  readonly name: string
  /** Names of the members on the way, outermost first, and `[]` for elements of arrays. */
  readonly path: readonly string[]
  /** For each step of the path, which element of an array it is; 0 for members. */
  readonly elements: readonly number[]
}

/** The place of a walk, kept from token to token. Depth costs memory, not stack. */
export class WalkedPlace implements JsonPlace {
  readonly path: string[] = []
  readonly elements: number[] = []
  readonly #inObject: boolean[] = []
  /** The next string is a member's name. */
  expectsName = false

  get name(): string {
    return this.#inObject.at(-1) ? this.path.at(-1)! : ''
  }

  open(kind: 'object' | 'array'): void {
    this.#inObject.push(kind === 'object')
    this.path.push(kind === 'array' ? '[]' : '')
    this.elements.push(0)
    this.expectsName = kind === 'object'
  }

  close(): void {
    this.#inObject.pop()
    this.path.pop()
    this.elements.pop()
    this.expectsName = false
  }

  comma(): void {
    if (this.#inObject.length === 0) return
    this.expectsName = this.#inObject.at(-1)!
    if (!this.expectsName) this.elements[this.elements.length - 1]! += 1
  }

  member(name: string): void {
    this.path[this.path.length - 1] = name
    this.expectsName = false
  }
}
