import { waitForUpdate } from '@pydantic/genai-prices'
import { tableLabel, type PriceTable } from './price-table.ts'
import { supplementTo } from './supplement.ts'

/** The bundled list. The promise is settled from the start: nothing is ever fetched. */
export const BUNDLED: PriceTable = {
  name: 'genai-prices',
  version: '0.1.8',
  date: '2026-09-23',
  providers: (await waitForUpdate()) ?? [],
}

const { newer, beside } = supplementTo(BUNDLED)

/** The lists in lookup order: the operator's own, changes since the bundled list, the bundled list, and what it lacks. */
export function tablesInOrder(own: PriceTable | undefined): readonly PriceTable[] {
  return [...(own ? [own] : []), newer, BUNDLED, beside]
}

/** Whether a list comes with the program. */
export function isBundled(table: PriceTable): boolean {
  return table === newer || table === BUNDLED || table === beside
}

/** Names of the lists in use, as receipts show them. */
export function tableLabels(own: PriceTable | undefined): readonly string[] {
  return [...new Set(tablesInOrder(own).map(tableLabel))]
}
