import type { JsonObject } from '../../wire/json/values.ts'

/**
 * Whether an object has no members but those listed, or others that are null.
 *
 * @param known names of members that nothing is read of, or that the caller reads
 */
export function hasOnly(object: JsonObject, known: ReadonlySet<string>): boolean {
  for (const name in object) if (!known.has(name) && object[name] !== null) return false
  return true
}
