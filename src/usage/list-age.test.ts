import { expect, test } from 'bun:test'
import { listAge, sameHourThen } from './list-age.ts'

const table = { name: 'x', version: '1', date: '2026-09-23', providers: [] }
const at = (time: string): number => Date.parse(time)

test('a list is old after sixty days, not before', () => {
  expect(listAge(table, at('2026-09-23T23:59:59Z'))).toEqual({
    list: 'x@1',
    date: '2026-09-23',
    days: 0,
    stale: false,
  })
  expect(listAge(table, at('2026-11-22T23:59:59Z'))).toMatchObject({ days: 60, stale: false })
  expect(listAge(table, at('2026-11-23T00:00:00Z'))).toMatchObject({ days: 61, stale: true })
  expect(listAge(table, at('2026-09-01T00:00:00Z'))).toMatchObject({ days: 0, stale: false })
})

test('prices are compared at the same hour of the same day of the week', () => {
  const now = at('2026-11-30T06:30:00Z')
  const then = sameHourThen(table, now)
  expect(new Date(then).toISOString()).toBe('2026-09-21T06:30:00.000Z')
  expect(new Date(then).getUTCDay()).toBe(new Date(now).getUTCDay())
  expect(sameHourThen({ ...table, date: '2026-12-24' }, now)).toBe(now)
})
