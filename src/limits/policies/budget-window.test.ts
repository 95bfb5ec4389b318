import { describe, expect, test } from 'bun:test'
import { budgetWindow, SLOT_MS, slotOf } from './budget-window.ts'

const window = (period: 'day' | 'week' | 'month', timeZone: string, now: string): string[] => {
  const { startMs, endMs } = budgetWindow({ period, rollingHours: 0, timeZone }, Date.parse(now))
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()]
}

describe('the period of a budget', () => {
  test('days, weeks from Monday and months, by the calendar of the zone', () => {
    expect(window('day', 'UTC', '2026-11-25T16:00:00Z')).toEqual([
      '2026-11-25T00:00:00.000Z',
      '2026-11-26T00:00:00.000Z',
    ])
    expect(window('day', 'Asia/Kathmandu', '2026-11-25T18:20:00Z')).toEqual([
      '2026-11-25T18:15:00.000Z',
      '2026-11-26T18:15:00.000Z',
    ])
    expect(window('week', 'Europe/Berlin', '2026-11-29T22:59:59Z')).toEqual([
      '2026-11-22T23:00:00.000Z',
      '2026-11-29T23:00:00.000Z',
    ])
    expect(window('month', 'America/New_York', '2028-02-29T23:00:00Z')).toEqual([
      '2028-02-01T05:00:00.000Z',
      '2028-03-01T05:00:00.000Z',
    ])
    expect(window('month', 'UTC', '2026-12-31T23:59:59.999Z')).toEqual([
      '2026-12-01T00:00:00.000Z',
      '2027-01-01T00:00:00.000Z',
    ])
  })

  test('days of 23 and 25 hours, and a day without midnight', () => {
    expect(window('day', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ])
    expect(window('day', 'Europe/Berlin', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ])
    // Cairo's clocks went from 0:00 to 1:00 on this day.
    expect(window('day', 'Africa/Cairo', '2024-04-26T12:00:00Z')).toEqual([
      '2024-04-25T22:00:00.000Z',
      '2024-04-26T21:00:00.000Z',
    ])
  })

  test('periods meet without gap or overlap through two years of a zone, and begin with a slot', () => {
    for (const timeZone of ['Australia/Lord_Howe', 'America/St_Johns', 'Pacific/Apia', 'Asia/Beirut']) {
      let now = Date.parse('2025-01-01T00:00:00Z')
      while (now < Date.parse('2027-01-01T00:00:00Z')) {
        const { startMs, endMs } = budgetWindow({ period: 'day', rollingHours: 0, timeZone }, now)
        expect(startMs <= now && now < endMs).toBe(true)
        expect(slotOf(startMs)).toBe(startMs)
        expect(budgetWindow({ period: 'day', rollingHours: 0, timeZone }, endMs).startMs).toBe(endMs)
        now = endMs
      }
    }
  })

  test('a rolling period is never shorter than asked for and at most a slot longer', () => {
    const terms = { period: 'rolling', rollingHours: 5, timeZone: 'UTC' } as const
    for (const now of [0, 1, SLOT_MS - 1, SLOT_MS, 1_764_000_000_123]) {
      const length = now - budgetWindow(terms, now).startMs
      expect(length >= 5 * 3_600_000 && length < 5 * 3_600_000 + SLOT_MS).toBe(true)
    }
    expect(budgetWindow({ ...terms, period: 'total' }, 5)).toEqual({ startMs: 0, endMs: Infinity })
  })
})
