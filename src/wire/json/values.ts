/** A JSON object off the wire: any member may be missing or of any type. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The value as an object, or `undefined` for anything else (arrays and null included). */
export function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined
}

const OBJECT_BEGINS = /^\s*\{/

/** The JSON object that a text holds; `undefined` for anything else, also for what is not JSON. */
export function parseObject(text: string): JsonObject | undefined {
  // What cannot be one need not be parsed: an exception costs as much as a large object.
  if (!OBJECT_BEGINS.test(text)) return undefined
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The value as a text with something in it, else `undefined`. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.trim() || undefined : undefined
}

/** Largest count that is believed: what is beyond would make sums and money inexact, and no answer comes near it. */
const MAX_COUNT = 10_000_000_000

/** Largest amount of seconds or USD that is believed of one answer. */
const MAX_AMOUNT = 1_000_000

/** The value as a count: a number, 0 or more, truncated and capped; anything else is `undefined`. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? Math.min(Math.trunc(value), MAX_COUNT)
    : undefined
}

/** The value as an amount: a number, 0 or more, with its fraction; anything else is `undefined`. */
export function amountOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MAX_AMOUNT ? value : undefined
}

/** The value as a list; anything else is empty. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The objects of a list; whatever is not an object is left out. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return listOf(value).flatMap((item) => {
    const object = objectOf(item)
    return object ? [object] : []
  })
}
