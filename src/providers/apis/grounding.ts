import type { Units } from '../../usage/usage.ts'
import { listOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts'

/**
 * Counts what a candidate's `groundingMetadata` was grounded on: distinct searches with something in them, and the
 * prompt as a whole, since models of different generations are billed by either.
 *
 * Later chunks of a stream repeat it with more in it, so the largest counts are kept.
 *
 * @param counts takes the counts, by unit
 * @see https://ai.google.dev/gemini-api/docs/google-search#pricing
 */
export function countGrounding(counts: Map<string, number>, grounding: JsonObject | undefined): void {
  if (!grounding) return
  const queries = listOf(grounding['webSearchQueries']).flatMap((query) => textOf(query) ?? [])
  const maps = objectsOf(grounding['groundingChunks']).some((chunk) => objectOf(chunk['maps']))
  const searches = new Set(queries).size
  if (searches > 0) {
    counts.set('web_searches', Math.max(counts.get('web_searches') ?? 0, searches))
    counts.set('grounded_prompts', 1)
  }
  if (maps) counts.set('maps_prompts', 1)
}

const UNITS = ['web_searches', 'grounded_prompts', 'maps_prompts'] as const

/** The units of a bill that rests on such counts; nothing where there are none. */
export function groundingUnits(counts: ReadonlyMap<string, number>): { units?: Units } {
  const counted = UNITS.flatMap((unit) => {
    const count = counts.get(unit)
    return count ? [[unit, count] as const] : []
  })
  return counted.length > 0 ? { units: Object.fromEntries(counted) } : {}
}
