import { expect, test } from 'bun:test'
import { isDue } from './is-due.ts'

test('one trace waits as long as it may, some wait less, many do not wait', () => {
  expect([0, 1, 16, 64].map((records) => isDue(records, 0, 50))).toEqual([false, false, false, true])
  expect([0, 1, 16, 64].map((records) => isDue(records, 10, 50))).toEqual([false, false, true, true])
  expect([0, 1, 15].map((records) => isDue(records, 50, 50))).toEqual([false, true, true])
  expect(isDue(16, 2, 2)).toBe(true)
})
