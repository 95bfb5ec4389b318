import type { TieredPrices } from '@pydantic/genai-prices'
import { LEAST_BRACKET } from '../price-table.ts'
import type { Findings } from './findings.ts'

/** Brackets of one rate at most. */
const MOST_BRACKETS = 20

/** A rate, and others above sizes of the input; checked. `tiers` come in any order and are sorted. */
export function bracketed(
  base: number,
  tiers: readonly { readonly start: number; readonly price: number }[],
  place: string,
  findings: Findings,
): number | TieredPrices {
  if (tiers.length === 0) return base
  const starts = tiers.map(({ start }) => start)
  if (tiers.length > MOST_BRACKETS) findings.wrong(place, `more than ${MOST_BRACKETS} brackets`)
  else if (new Set(starts).size < starts.length) findings.wrong(place, 'two brackets start at the same size')
  else if (starts.some((start) => !Number.isSafeInteger(start) || start < LEAST_BRACKET - 1)) {
    findings.wrong(
      place,
      `a bracket must start at ${LEAST_BRACKET} tokens or more: smaller bills are added together`,
    )
  }
  return { base, tiers: tiers.toSorted((a, b) => a.start - b.start) }
}
