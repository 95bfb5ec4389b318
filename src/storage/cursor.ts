import { formatTime, parseTime } from '../time/rfc3339.ts'
import { isStorable } from '../wire/storable-text.ts'

/** Where a page ended: the last row's `created_at` in epoch microseconds, and its id. */
export interface Cursor {
  readonly createdAtUs: number
  readonly id: string
}

/** The text is not a cursor; the message is the contract's. */
export class CursorError extends Error {
  override readonly name = 'CursorError'
}

/** Writes a cursor: URL-safe base64 without padding of `<RFC 3339 time>|<id>`. */
export function encodeCursor({ createdAtUs, id }: Cursor): string {
  return Buffer.from(`${formatTime(createdAtUs)}|${id}`).toString('base64url')
}

/** @throws CursorError */
export function decodeCursor(text: string): Cursor {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new CursorError('trace cursor is invalid: decode base64 cursor')
  const decoded = Buffer.from(text, 'base64url').toString('utf8')
  const bar = decoded.indexOf('|')
  const id = bar < 0 ? '' : decoded.slice(bar + 1).trim()
  if (id === '' || !isStorable(id)) throw new CursorError('trace cursor is invalid: missing id')
  const createdAtUs = parseTime(decoded.slice(0, bar).trim())
  if (createdAtUs === undefined) throw new CursorError('trace cursor is invalid: parse created_at')
  return { createdAtUs, id }
}
