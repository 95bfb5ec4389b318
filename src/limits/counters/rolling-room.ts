import { withTimeout } from '../../time/with-timeout.ts'
import { SLOT_MS, type BudgetWindow } from '../policies/budget-window.ts'
import type { Budget } from '../policies/take.ts'
import type { LedgerSlot, ReadLedger } from './counters.ts'

/** How long a result is cached. While a budget is spent, every request needs it. */
const KEPT_MS = 10_000
const MAX_KEPT = 1000

/** How long a request that is refused waits for the ledger to say until when. */
const LEDGER_MS = 1000

/** Tells when enough of what a rolling budget has spent will have left its period. */
export class RollingRoom {
  readonly #readLedger: ReadLedger
  readonly #kept = new Map<string, { readonly atMs: number; readonly room: Promise<number> }>()

  constructor(readLedger: ReadLedger) {
    this.#readLedger = readLedger
  }

  /**
   * @param used what is spent since the take's beginning, nano-USD or tokens
   * @param window the period; a budget that was reset counts from a later time on
   * @returns epoch milliseconds; the next moment at which anything can leave, if the ledger does not respond
   */
  async at(
    take: Budget,
    { startMs: fromMs, endMs: untilMs }: BudgetWindow,
    used: number,
    nowMs: number,
  ): Promise<number> {
    const { counter, unit, limit, startMs } = take
    const name = `${counter} ${unit} ${limit} ${startMs}`
    const known = this.#kept.get(name)
    if (known && known.atMs > nowMs - KEPT_MS) return known.room
    const room = withTimeout(this.#readLedger([counter], startMs, []), LEDGER_MS)
      .then((slots) => roomAt(slots, take, untilMs - fromMs, used))
      .catch(() => take.endMs)
    this.#kept.delete(name)
    this.#kept.set(name, { atMs: nowMs, room })
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    return room
  }
}

/** What was spent longest ago leaves first, a quarter hour at a time; what the ledger does not know yet was spent in the last one. */
function roomAt(
  slots: readonly LedgerSlot[],
  { unit, limit, endMs }: Budget,
  periodMs: number,
  used: number,
): number {
  let left = used
  for (const slot of slots.toSorted((a, b) => a.slotMs - b.slotMs)) {
    left -= unit === 'cost' ? slot.costNanoUsd : slot.tokens
    if (left < limit) return slot.slotMs + periodMs
  }
  return endMs - SLOT_MS + periodMs
}
