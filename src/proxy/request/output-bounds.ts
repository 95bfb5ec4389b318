import type { WireApi } from '../../providers/apis/wire-api.ts'
import { OPERATIONS } from '../../providers/operations.ts'
import { countOf, objectOf, type JsonObject } from '../../wire/json/values.ts'

/** The bounds of a request on its output. */
export interface OutputBounds {
  /** Most tokens of all its answers together; `undefined` when it does not say, 0 when answers are not text. */
  readonly maxOutputTokens: number | undefined
  /** How many answers it requests, at least 1. */
  readonly answers: number
}

/** Members at the top level of a request that bound its output, at any wire API. */
export const OUTPUT_MEMBERS: readonly string[] = [
  ...new Set(
    OPERATIONS.flatMap(({ api }) => [...(api?.outputLimits ?? []), ...(api?.answerCounts ?? [])]).map(
      (place) => place.split('.')[0]!,
    ),
  ),
]

/** Reads the bounds of a request on its output. @param api `undefined` for a call that is not metered */
export function outputBoundsOf(api: WireApi | undefined, members: JsonObject): OutputBounds {
  const answers = Math.max(1, largestAt(members, api?.answerCounts) ?? 1)
  if (api?.answersNoText) return { maxOutputTokens: 0, answers }
  const limit = largestAt(members, api?.outputLimits)
  return { maxOutputTokens: limit === undefined ? undefined : limit * answers, answers }
}

const NO_PLACES: readonly string[] = []

/** The largest count that stands at some places; `undefined` where none does. */
function largestAt(members: JsonObject, places = NO_PLACES): number | undefined {
  let largest: number | undefined
  for (const place of places) {
    const dot = place.indexOf('.')
    const value = dot < 0 ? members[place] : objectOf(members[place.slice(0, dot)])?.[place.slice(dot + 1)]
    const count = value === undefined ? undefined : countOf(value)
    if (count !== undefined && (largest === undefined || count > largest)) largest = count
  }
  return largest
}
