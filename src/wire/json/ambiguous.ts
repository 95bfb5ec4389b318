import { valueAt, walkTopLevel } from './spans.ts'

/** Whether a member stands several times at an object's top level, with different values: readers then differ in which one they take. */
export function isAmbiguous(json: Uint8Array, name: string): boolean {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.length)
  const written = JSON.stringify(name)
  const first = bytes.indexOf(written)
  // Nearly all hold it once, and need not be looked at member by member.
  if (first < 0 || bytes.indexOf(written, first + written.length) < 0) return false
  const values = new Set<unknown>()
  walkTopLevel(json, (member, start, end) => {
    if (member === name) values.add(valueAt(json, { start, end }))
  })
  return values.size > 1
}
