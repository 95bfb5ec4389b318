import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CursorError, decodeCursor, encodeCursor, formatTime, parseTime } from './cursor.ts'

test('any position survives the way through a cursor', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_102_444_800_000_000 }),
      fc.string({ minLength: 1 }).filter((id) => id.trim() === id && id.isWellFormed()),
      (createdAtUs, id) => {
        expect(decodeCursor(encodeCursor({ createdAtUs, id }))).toEqual({ createdAtUs, id })
      },
    ),
  )
})

test('what is no cursor is refused by name', () => {
  for (const text of ['!', 'YWJj', 'YXx4', '']) expect(() => decodeCursor(text)).toThrow(CursorError)
})

test('times are RFC 3339 to the microsecond', () => {
  expect(formatTime(Date.parse('2026-02-12T03:00:00Z') * 1000)).toBe('2026-02-12T03:00:00Z')
  expect(formatTime(Date.parse('2026-02-12T03:00:00Z') * 1000 + 500_000)).toBe('2026-02-12T03:00:00.5Z')
  expect(parseTime('2026-02-12T05:00:00.123456789+02:00')).toBe(
    Date.parse('2026-02-12T03:00:00Z') * 1000 + 123_456,
  )
  for (const text of [
    '2026-02-12',
    '2026-02-12T03:00:00',
    '2026-02-30T00:00:00Z',
    '2026-02-12T24:00:00Z',
    'now',
  ]) {
    expect([text, parseTime(text)]).toEqual([text, undefined])
  }
})
