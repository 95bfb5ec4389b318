import { objectOf, textOf, type JsonObject } from '../../wire/json/values.ts'
import type { Reading } from './wire-api.ts'

/** Most members of a diagnosis that are kept, and the longest name or text; providers' own have three short ones. */
const MAX_MEMBERS = 16
const MAX_CHARACTERS = 128

/**
 * Takes what a provider says of its prompt cache. A null, which says that the comparison is not done, erases nothing; a hit
 * is no diagnosis. Of an object its own words, numbers and flags are kept.
 *
 * @param said Anthropic's `diagnostics.cache_miss_reason`, OpenAI's `prompt_cache_diagnostics`
 * @see https://platform.claude.com/docs/en/build-with-claude/cache-diagnostics
 * @see https://developers.openai.com/api/docs/guides/prompt-caching
 */
export function takeCacheDiagnosis(reading: Reading, said: unknown): void {
  const object = objectOf(said)
  const diagnosis = object ? flat(object) : textOf(said)?.slice(0, MAX_CHARACTERS)
  if (diagnosis === undefined) return
  const kind = typeof diagnosis === 'string' ? diagnosis : diagnosis['type']
  if (kind !== 'cache_hit') reading.cacheDiagnosis = diagnosis
}

function flat(object: JsonObject): JsonObject | undefined {
  const members: [string, unknown][] = []
  for (const name in object) {
    if (members.length === MAX_MEMBERS) break
    const value = object[name]
    if (name.length > MAX_CHARACTERS || typeof value === 'object') continue
    members.push([name, typeof value === 'string' ? value.slice(0, MAX_CHARACTERS) : value])
  }
  return members.length === 0 ? undefined : Object.fromEntries(members)
}
