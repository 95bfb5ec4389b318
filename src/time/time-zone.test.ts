import { expect, test } from 'bun:test'
import { timeZoneOf, UTC } from './time-zone.ts'

test('UTC, which needs no database of zones, is as the database has it', () => {
  // A zone that has been at UTC since 1912.
  const same = timeZoneOf('Africa/Abidjan')!
  expect(same).not.toBe(UTC)
  for (const us of [-1, 0, 951_782_400_000_001, Date.UTC(2026, 10, 30) * 1000]) {
    expect([us, UTC.offsetUs(us), UTC.dayOf(us)]).toEqual([us, same.offsetUs(us), same.dayOf(us)])
  }
  expect(UTC.startOfDay(20_000)).toBe(same.startOfDay(20_000))
  expect(UTC.changes()).toEqual(same.changes())
})

test('a zone has one name and one object, however it is spelled', () => {
  expect(UTC.name).toBe('UTC')
  expect(timeZoneOf('utc')).toBe(UTC)
  expect(timeZoneOf('europe/berlin')).toBe(timeZoneOf('Europe/Berlin'))
  expect(timeZoneOf('No/Such')).toBeUndefined()
})
