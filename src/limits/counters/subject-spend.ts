import type { LedgerSlot } from './counters.ts'

/** Windows that are kept summed up for a subject. */
const MAX_WINDOWS = 16

interface Amounts {
  cost: number
  tokens: number
  reservedCost: number
  reservedTokens: number
}

/**
 * What one subject has spent and reserved, by quarter hour. Spending is the ledger's sum plus what this process
 * settled in its current terms. The ledger leaves those terms out, so the two never overlap, and the ledger may be
 * read again at any time.
 */
export class SubjectSpend {
  readonly #ledger = new Slots()
  readonly #own = new Map<string, Slots>()
  readonly #reserved = new Slots()
  /** Sums since the beginnings of windows, newest last. */
  #windows: { readonly startMs: number; readonly sum: Amounts }[] = []
  /** Epoch milliseconds from which the ledger was read. `Infinity` before the first read. */
  loadedFromMs = Infinity
  usedAtMs = 0
  /** Takes of requests that have not been settled. */
  holding = 0

  /** When the ledger was read as far back as `loadedFromMs`, and when it was read at all. */
  wholeAtMs = 0
  readAtMs = 0

  /**
   * Replaces the ledger's sums.
   *
   * @param fromMs from when on it was read; sums of earlier times stay
   * @param terms the terms of this process that the ledger left out; other terms are removed here
   */
  load(slots: readonly LedgerSlot[], fromMs: number, terms: readonly string[]): void {
    this.#ledger.drop((slot) => slot >= fromMs)
    for (const { slotMs, costNanoUsd, tokens } of slots) {
      spend(this.#ledger.of(slotMs), costNanoUsd, tokens)
    }
    this.#reserved.drop((_, { reservedCost, reservedTokens }) => reservedCost === 0 && reservedTokens === 0)
    for (const term of this.#own.keys()) if (!terms.includes(term)) this.#own.delete(term)
    this.loadedFromMs = Math.min(this.loadedFromMs, fromMs)
    this.#windows = []
  }

  /** Sums since the beginning of a window. */
  since(startMs: number): Readonly<Amounts> {
    for (const window of this.#windows) if (window.startMs === startMs) return window.sum
    return this.#open(startMs)
  }

  /** Sums up a window, and caches the sum. */
  #open(startMs: number): Readonly<Amounts> {
    const sum = { cost: 0, tokens: 0, reservedCost: 0, reservedTokens: 0 }
    for (const slots of [this.#ledger, ...this.#own.values(), this.#reserved]) {
      for (const [slot, { cost, tokens, reservedCost, reservedTokens }] of slots.entries()) {
        if (slot < startMs) continue
        spend(sum, cost, tokens)
        reserve(sum, reservedCost, reservedTokens)
      }
    }
    if (this.#windows.length >= MAX_WINDOWS) this.#windows.shift()
    this.#windows.push({ startMs, sum })
    return sum
  }

  /** Reserves amounts for a request that began in a slot. Negative amounts release. */
  reserve(slot: number, cost: number, tokens: number): void {
    reserve(this.#reserved.of(slot), cost, tokens)
    for (const { startMs, sum } of this.#windows) if (slot >= startMs) reserve(sum, cost, tokens)
  }

  /** Books the real cost of a request that began in a slot, in a term of this process. */
  settle(term: string, slot: number, cost: number, tokens: number): void {
    let slots = this.#own.get(term)
    if (!slots) {
      slots = new Slots()
      this.#own.set(term, slots)
    }
    spend(slots.of(slot), cost, tokens)
    for (const { startMs, sum } of this.#windows) if (slot >= startMs) spend(sum, cost, tokens)
  }
}

/** Amounts by quarter hour. Nearly every lookup is for the same one. */
class Slots {
  readonly #all = new Map<number, Amounts>()
  #lastSlot = -1
  #last: Amounts | undefined

  /** The amounts of a slot, to be added to. */
  of(slot: number): Amounts {
    if (this.#last && slot === this.#lastSlot) return this.#last
    let amounts = this.#all.get(slot)
    if (!amounts) {
      amounts = { cost: 0, tokens: 0, reservedCost: 0, reservedTokens: 0 }
      this.#all.set(slot, amounts)
    }
    this.#lastSlot = slot
    this.#last = amounts
    return amounts
  }

  entries(): Iterable<readonly [number, Readonly<Amounts>]> {
    return this.#all
  }

  /** Removes the slots that match. */
  drop(holds: (slot: number, amounts: Readonly<Amounts>) => boolean): void {
    for (const [slot, amounts] of this.#all) if (holds(slot, amounts)) this.#all.delete(slot)
    this.#last = undefined
  }
}

function spend(sum: Amounts, cost: number, tokens: number): void {
  sum.cost += cost
  sum.tokens += tokens
}

function reserve(sum: Amounts, cost: number, tokens: number): void {
  sum.reservedCost += cost
  sum.reservedTokens += tokens
}
