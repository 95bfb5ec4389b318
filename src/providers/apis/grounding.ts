import type { Units } from '../../usage/usage.ts'
import { listOf, objectOf, objectsOf, textOf, type JsonObject } from '../../wire/json/values.ts'

/** Most searches of one response that are distinguished; real responses have a handful. */
const MAX_SEARCHES = 1000
const MAX_SEARCH_LENGTH = 500
const SEARCH = 'search '

/**
 * Counts what a candidate's `groundingMetadata` was grounded on. Chunks of a stream repeat it with more in it.
 *
 * @param counts takes the counts, by unit, and the searches
 * @see https://ai.google.dev/gemini-api/docs/google-search#pricing
 */
export function countGrounding(counts: Map<string, number>, grounding: JsonObject | undefined): void {
  if (!grounding) return
  countSearches(counts, grounding['webSearchQueries'])
  if (objectsOf(grounding['groundingChunks']).some((chunk) => objectOf(chunk['maps']))) countMaps(counts)
}

/**
 * Counts distinct searches with something in them, and the prompt as a whole: models of different generations are billed
 * by either.
 */
export function countSearches(counts: Map<string, number>, queries: unknown): void {
  for (const query of listOf(queries)) {
    const text = textOf(query)?.slice(0, MAX_SEARCH_LENGTH)
    if (text === undefined || counts.has(SEARCH + text) || counts.size > MAX_SEARCHES) continue
    counts.set(SEARCH + text, 1)
    counts.set('web_searches', (counts.get('web_searches') ?? 0) + 1)
    counts.set('grounded_prompts', 1)
  }
}

/** Counts that the prompt was grounded on maps. */
export function countMaps(counts: Map<string, number>): void {
  counts.set('maps_prompts', 1)
}

const UNITS = ['web_searches', 'grounded_prompts', 'maps_prompts'] as const

/** The units of a bill with such counts; empty without any. */
export function groundingUnits(counts: ReadonlyMap<string, number>): { units?: Units } {
  const counted = UNITS.flatMap((unit) => {
    const count = counts.get(unit)
    return count ? [[unit, count] as const] : []
  })
  return counted.length > 0 ? { units: Object.fromEntries(counted) } : {}
}
