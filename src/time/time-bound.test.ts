import { describe, expect, test } from 'bun:test'
import { formatTime } from './rfc3339.ts'
import { parseBound } from './time-bound.ts'
import { timeZoneOf, UTC } from './time-zone.ts'

const NOW = Date.parse('2026-03-29T10:30:00Z') * 1000

const bounds = (text: string, zone = 'UTC', nowUs = NOW): (string | undefined)[] =>
  (['from', 'to'] as const).map((bound) => {
    const us = parseBound(text, bound, { nowUs, zone: timeZoneOf(zone)! })
    return us === undefined ? undefined : formatTime(us)
  })

describe('a bound of a range', () => {
  test('a time is itself; a span is that long ago, as either bound', () => {
    expect(bounds('2026-03-01T12:00:00+02:00')).toEqual(['2026-03-01T10:00:00Z', '2026-03-01T10:00:00Z'])
    expect(bounds('90m')).toEqual(['2026-03-29T09:00:00Z', '2026-03-29T09:00:00Z'])
    expect(bounds('24H')[0]).toBe('2026-03-28T10:30:00Z')
    expect(bounds('7d')[0]).toBe('2026-03-22T10:30:00Z')
    expect(bounds('4w')[0]).toBe('2026-03-01T10:30:00Z')
    expect(bounds('0m')[0]).toBe('2026-03-29T10:30:00Z')
    expect(bounds('999999999w')[0]).toBe('1970-01-01T00:00:00Z')
  })

  test('a date and a named span have a beginning and an end', () => {
    expect(bounds('2026-02-28')).toEqual(['2026-02-28T00:00:00Z', '2026-02-28T23:59:59.999999Z'])
    expect(bounds('today')).toEqual(['2026-03-29T00:00:00Z', '2026-03-29T23:59:59.999999Z'])
    expect(bounds('Yesterday')).toEqual(['2026-03-28T00:00:00Z', '2026-03-28T23:59:59.999999Z'])
    expect(bounds('month')).toEqual(['2026-03-01T00:00:00Z', '2026-03-31T23:59:59.999999Z'])
    const december = Date.parse('2026-12-31T23:00:00Z') * 1000
    expect(bounds('month', 'UTC', december)).toEqual(['2026-12-01T00:00:00Z', '2026-12-31T23:59:59.999999Z'])
  })

  test('days are those of the time zone, be they of 23 or 25 hours', () => {
    // Clocks in Berlin went forward that night.
    expect(bounds('today', 'Europe/Berlin')).toEqual(['2026-03-28T23:00:00Z', '2026-03-29T21:59:59.999999Z'])
    expect(bounds('2026-10-25', 'Europe/Berlin')).toEqual([
      '2026-10-24T22:00:00Z',
      '2026-10-25T22:59:59.999999Z',
    ])
    expect(bounds('month', 'America/New_York')).toEqual([
      '2026-03-01T05:00:00Z',
      '2026-04-01T03:59:59.999999Z',
    ])
    expect(bounds('2026-03-29', 'Asia/Kathmandu')[0]).toBe('2026-03-28T18:15:00Z')
    expect(bounds('2026-04-05', 'Australia/Lord_Howe')).toEqual([
      '2026-04-04T13:00:00Z',
      '2026-04-05T13:29:59.999999Z',
    ])
    // It is tomorrow already on Kiritimati, and midnight did not happen in Beirut.
    expect(bounds('today', 'Pacific/Kiritimati')[0]).toBe('2026-03-29T10:00:00Z')
    expect(bounds('2026-03-29', 'Asia/Beirut')[0]).toBe('2026-03-28T22:00:00Z')
    // Midnight came twice; the day has one beginning.
    expect(bounds('2026-11-01', 'America/Havana')).toEqual([
      '2026-11-01T04:00:00Z',
      '2026-11-02T04:59:59.999999Z',
    ])
    // A date that Samoa left out.
    expect(bounds('2011-12-30', 'Pacific/Apia')[0]).toBe('2011-12-30T10:00:00Z')
  })

  test('anything else is none', () => {
    for (const text of [
      '',
      '7',
      'd',
      '7s',
      '-7d',
      '7.5d',
      '7 d',
      'now',
      'week',
      '2026-02-30',
      '2026-2-3',
      '1e3d',
      'constructor',
    ]) {
      expect([text, bounds(text)]).toEqual([text, [undefined, undefined]])
    }
  })

  test('zones are named as IANA names them, whatever the case', () => {
    expect(timeZoneOf('europe/berlin')).toBe(timeZoneOf('Europe/Berlin'))
    expect(timeZoneOf('utc')).toBe(UTC)
    for (const name of ['', 'Mars/Olympus', '+02:00', '-0200', '__proto__', 'Europe/Berlin ']) {
      expect([name, timeZoneOf(name)]).toEqual([name, undefined])
    }
  })
})
