/** Something that waits for its turn. */
export interface QueueItem {
  /** Whose it is. */
  readonly tenant: string
  readonly bytes: number
}

interface Line<T> {
  readonly items: T[]
  bytes: number
}

/** What waits: each tenant's in the order in which it came, and one tenant after the other. */
export class FairQueue<T extends QueueItem> {
  /** In the order of their turns. */
  readonly #lines = new Map<string, Line<T>>()
  #bytes = 0

  /** What all that waits has together. */
  get bytes(): number {
    return this.#bytes
  }

  add(item: T): void {
    let line = this.#lines.get(item.tenant)
    if (!line) {
      line = { items: [], bytes: 0 }
      this.#lines.set(item.tenant, line)
    }
    line.items.push(item)
    this.#count(line, item.bytes)
  }

  /** Takes the oldest of the next tenant that may have its turn; `undefined` when nothing waits that may. */
  take(mayHaveTurn: (tenant: string) => boolean): T | undefined {
    for (const [tenant, line] of this.#lines) {
      if (!mayHaveTurn(tenant)) continue
      const item = line.items.shift()!
      this.#count(line, -item.bytes)
      this.#lines.delete(tenant)
      if (line.items.length > 0) this.#lines.set(tenant, line)
      return item
    }
    return undefined
  }

  /** Takes the newest of the tenant that has the most bytes waiting; `undefined` when nothing waits. */
  takeFromLongest(): T | undefined {
    let longest: Line<T> | undefined
    for (const line of this.#lines.values()) if (!longest || line.bytes > longest.bytes) longest = line
    const item = longest?.items.at(-1)
    if (item) this.remove(item)
    return item
  }

  /** Removes content that is no longer wanted. @returns whether it still waited */
  remove(item: T): boolean {
    const line = this.#lines.get(item.tenant)
    const place = line?.items.lastIndexOf(item) ?? -1
    if (!line || place < 0) return false
    line.items.splice(place, 1)
    this.#count(line, -item.bytes)
    if (line.items.length === 0) this.#lines.delete(item.tenant)
    return true
  }

  #count(line: Line<T>, bytes: number): void {
    line.bytes += bytes
    this.#bytes += bytes
  }
}
