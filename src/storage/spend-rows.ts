import type { Selectable } from 'kysely'
import { SLOT_MS } from '../limits/policies/budget-window.ts'
import { countsIncluded } from '../limits/policies/included-subject.ts'
import type { Trace, TraceSpend } from '../traces/trace.ts'
import type { SpendTable } from './schema.ts'

const SLOT_US = SLOT_MS * 1000

/** What traces spent, summed up by the rows of the ledger. */
export class SpendRows {
  readonly #all: Map<string, Selectable<SpendTable>>[] = []
  #bySubject = new Map<string, Selectable<SpendTable>>()
  #slotUs = -1
  #instance = ''

  /**
   * Adds a trace's cost to every spender it counts for, in the quarter hour in which it began; what a subscription paid, only to those
   * that count it.
   */
  add(
    { startedAtUs, costStatus, costNanoUsd, listPriceNanoUsd, totalTokens }: Trace,
    { subjects, instance, assumedNanoUsd }: TraceSpend,
  ): void {
    const priceNanoUsd = costStatus === 'included' ? listPriceNanoUsd : costNanoUsd
    if (priceNanoUsd === 0 && totalTokens === 0) return
    const slotUs = startedAtUs - (startedAtUs % SLOT_US)
    // Most traces of a batch are of one quarter hour and one gateway.
    if (slotUs !== this.#slotUs || instance !== this.#instance) {
      this.#slotUs = slotUs
      this.#instance = instance
      this.#bySubject = new Map()
      this.#all.push(this.#bySubject)
    }
    for (const subject of subjects) {
      const row = this.#bySubject.get(subject) ?? {
        subject,
        slot_us: slotUs,
        instance,
        cost_nano_usd: 0,
        tokens: 0,
        assumed_nano_usd: 0,
        unknown_cost_requests: 0,
      }
      const charged = countsIncluded(subject) ? priceNanoUsd : costNanoUsd
      row.cost_nano_usd += charged ?? 0
      row.tokens += totalTokens
      row.assumed_nano_usd += charged === null ? assumedNanoUsd : 0
      row.unknown_cost_requests += charged === null ? 1 : 0
      this.#bySubject.set(subject, row)
    }
  }

  /** In the order of the ledger's key, so that writers meet rows in one order. */
  rows(): Selectable<SpendTable>[] {
    const rows = this.#all.flatMap((some) => [...some.values()])
    return this.#all.length > 1 ? joined(rows) : rows.sort(bySubject)
  }
}

/** Byte by byte, as the databases compare. */
function bySubject(a: Selectable<SpendTable>, b: Selectable<SpendTable>): number {
  return a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0
}

/** Rows of the same key as one: a statement may meet each row once. */
function joined(rows: readonly Selectable<SpendTable>[]): Selectable<SpendTable>[] {
  const byKey = new Map<string, Selectable<SpendTable>>()
  for (const row of rows) {
    const key = `${row.slot_us} ${row.instance} ${row.subject}`
    const known = byKey.get(key)
    if (!known) byKey.set(key, row)
    else for (const column of COLUMNS) known[column] += row[column]
  }
  return [...byKey.values()].sort(bySubject)
}

const COLUMNS = ['cost_nano_usd', 'tokens', 'assumed_nano_usd', 'unknown_cost_requests'] as const

/** The statement that adds rows to the ledger; parameters are the columns of a row, in order. */
export function addToSpend(rows: number, parameter: (index: number) => string): string {
  const width = 3 + COLUMNS.length
  const tuples = Array.from(
    { length: rows },
    (_, row) => `(${Array.from({ length: width }, (__, i) => parameter(row * width + i)).join(', ')})`,
  )
  return `INSERT INTO spend (subject, slot_us, instance, ${COLUMNS.join(', ')}) VALUES ${tuples.join(', ')}
    ON CONFLICT (subject, slot_us, instance) DO UPDATE SET
    ${COLUMNS.map((column) => `${column} = spend.${column} + excluded.${column}`).join(', ')}`
}
