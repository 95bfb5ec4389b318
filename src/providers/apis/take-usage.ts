import type { JsonObject } from '../../wire/json/values.ts'
import type { Reading } from './wire-api.ts'

/** Takes a usage object as the response's, unless it counts nothing and there was another before: some servers end their streams this way. */
export function takeUsage(reading: Reading, usage: JsonObject | undefined): void {
  if (usage && (reading.usage === undefined || countsAnything(usage))) reading.usage = usage
}

/** Whether any number in it, however deep, is above 0. */
function countsAnything(value: object): boolean {
  for (const part of Object.values(value) as unknown[]) {
    if (
      typeof part === 'number' ? part > 0 : typeof part === 'object' && part !== null && countsAnything(part)
    )
      return true
  }
  return false
}
