import { expect, test } from 'bun:test'
import { priceAgeLines } from './price-age-text.ts'

test('names that callers chose do not command the terminal', () => {
  const age = {
    list: 'l',
    date: '2026-09-23',
    days: 1,
    stale: false,
    changed: ['a\u001b[2J'],
    unknown: ['\u001b]0;b\u0007'],
  }
  const text = priceAgeLines(age).join('')
  expect(text).toContain('a\\u001b[2J')
  expect(text).toContain('\\u001b]0;b\\u0007')
  expect(text).not.toContain('\u001b')
})
