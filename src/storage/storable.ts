import { isStorable, storableText } from '../wire/storable-text.ts'
import type { Trace } from '../traces/trace.ts'

/**
 * A trace whose columns every database takes and gives back the same: NUL and halves of surrogate pairs in its texts become
 * U+FFFD. Bodies are bytes and keep everything.
 */
export function storable(trace: Trace): Trace {
  const texts = storableTexts(trace)
  const tags = Object.entries(trace.tags)
  if (tags.every(([key, value]) => isStorable(key) && isStorable(value))) return texts
  return {
    ...texts,
    tags: Object.fromEntries(tags.map(([key, value]) => [storableText(key), storableText(value)])),
  }
}

/** A record whose texts every database accepts; the same record if they already are such texts. */
export function storableTexts<Row extends object>(row: Row): Row {
  let taken = row
  // Every trace comes by here.
  for (const name in row) {
    const value = row[name]
    if (typeof value === 'string' && !isStorable(value)) taken = { ...taken, [name]: storableText(value) }
  }
  return taken
}
