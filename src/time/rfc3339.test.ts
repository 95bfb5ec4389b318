import { expect, test } from 'bun:test'
import { formatTime, parseTime } from './rfc3339.ts'

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
