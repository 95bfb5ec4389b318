import { BUCKET_KEYS } from '../model-rates.ts'
import { UNIT_PRICING } from '../unit-pricing.ts'
import type { Findings } from './findings.ts'

/** No published rate comes near. Above it, the unit was probably confused. */
const MOST_PER_MILLION_TOKENS = 10_000

/** Most USD of the other units. */
const MOST_PER_UNIT = 100_000

/** Price keys that lists may have: USD per million tokens. Two of the bundled list's keys price nothing that is counted here. */
const TOKEN_KEYS = new Set([...Object.values(BUCKET_KEYS), 'output_citation_mtok', 'output_video_mtok'])

/** The same for other units: thousands of requests, millions of characters, hours, pages, one image. */
const UNIT_KEYS = new Set([
  ...Object.values(UNIT_PRICING).map(({ key }): string => key),
  'input_annotated_document_kpages',
  'audio_hours',
])

/** Whether a list's key for a price is one that this program knows. */
export function isPriceKey(key: string): boolean {
  return TOKEN_KEYS.has(key) || UNIT_KEYS.has(key)
}

/**
 * Checks one rate.
 *
 * @param value in USD, as it stands in the list
 * @returns `undefined` after noting the mistake
 */
export function checkedRate(
  key: string,
  value: unknown,
  place: string,
  findings: Findings,
): number | undefined {
  const most = UNIT_KEYS.has(key) ? MOST_PER_UNIT : MOST_PER_MILLION_TOKENS
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    findings.wrong(place, `a price must be a number of USD (got ${JSON.stringify(value)?.slice(0, 40)})`)
  } else if (value < 0) findings.wrong(place, `a price cannot be negative (got ${value})`)
  else if (value > most)
    findings.wrong(place, `${value} USD is above ${most}, which no provider asks: check the unit`)
  else return value
  return undefined
}
