import { slotOf } from './budget-window.ts'
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
 * What one subject has spent and reserved, by quarter hours: what the ledger tells, and what this process has settled lately, in its
 * current terms, which the ledger is asked to leave out. The two never overlap, so the ledger may be read again at any time.
 */
export class SubjectSpend {
  readonly #told = new Map<number, Amounts>()
  readonly #own = new Map<string, Map<number, Amounts>>()
  readonly #reserved = new Map<number, Amounts>()
  /** Sums since the beginnings of windows, newest last. */
  #windows: { readonly startMs: number; readonly sum: Amounts }[] = []
  /** From where on the ledger was read; `Infinity` before it was. */
  loadedFromMs = Infinity
  usedAtMs = 0

  /** When the ledger was read as far back as `loadedFromMs`, and when it was read at all. */
  wholeAtMs = 0
  readAtMs = 0

  /**
   * Takes over what the ledger tells.
   *
   * @param fromMs from where on it was asked; what it told of earlier times before goes on counting
   * @param terms the terms of this process that the ledger has left out; what was settled in others is forgotten
   */
  load(slots: readonly LedgerSlot[], fromMs: number, terms: readonly string[]): void {
    for (const slot of this.#told.keys()) if (slot >= fromMs) this.#told.delete(slot)
    for (const { slotMs, costNanoUsd, tokens } of slots) {
      const known = this.#told.get(slotMs)
      const more = { cost: costNanoUsd, tokens, reservedCost: 0, reservedTokens: 0 }
      if (known) add(known, more)
      else this.#told.set(slotMs, more)
    }
    for (const [slot, { reservedCost, reservedTokens }] of this.#reserved) {
      if (reservedCost === 0 && reservedTokens === 0) this.#reserved.delete(slot)
    }
    for (const term of this.#own.keys()) if (!terms.includes(term)) this.#own.delete(term)
    this.loadedFromMs = Math.min(this.loadedFromMs, fromMs)
    this.#windows = []
  }

  /** Nothing is reserved. */
  get idle(): boolean {
    for (const { reservedCost, reservedTokens } of this.#reserved.values()) {
      if (reservedCost !== 0 || reservedTokens !== 0) return false
    }
    return true
  }

  /** Sums since the beginning of a window. */
  since(startMs: number): Readonly<Amounts> {
    for (const window of this.#windows) if (window.startMs === startMs) return window.sum
    const sum = { cost: 0, tokens: 0, reservedCost: 0, reservedTokens: 0 }
    for (const slots of [this.#told, ...this.#own.values(), this.#reserved]) {
      for (const [slot, amounts] of slots) if (slot >= startMs) add(sum, amounts)
    }
    if (this.#windows.length >= MAX_WINDOWS) this.#windows.shift()
    this.#windows.push({ startMs, sum })
    return sum
  }

  /** Reserves amounts for a request that began at a time; negative ones are taken back. */
  reserve(atMs: number, cost: number, tokens: number): void {
    const slot = slotOf(atMs)
    this.#add(this.#reserved, slot, { cost: 0, tokens: 0, reservedCost: cost, reservedTokens: tokens })
  }

  /** Books what a request came to that began at a time, in a term of this process. */
  settle(term: string, atMs: number, cost: number, tokens: number): void {
    let slots = this.#own.get(term)
    if (!slots) {
      slots = new Map()
      this.#own.set(term, slots)
    }
    this.#add(slots, slotOf(atMs), { cost, tokens, reservedCost: 0, reservedTokens: 0 })
  }

  #add(slots: Map<number, Amounts>, slot: number, amounts: Amounts): void {
    const known = slots.get(slot)
    if (known) add(known, amounts)
    else slots.set(slot, { ...amounts })
    for (const { startMs, sum } of this.#windows) if (slot >= startMs) add(sum, amounts)
  }
}

function add(sum: Amounts, more: Readonly<Amounts>): void {
  sum.cost += more.cost
  sum.tokens += more.tokens
  sum.reservedCost += more.reservedCost
  sum.reservedTokens += more.reservedTokens
}
