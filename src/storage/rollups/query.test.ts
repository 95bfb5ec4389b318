import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { plan, type Groups } from './query.ts'
import { DAY_US, HOUR_US, SPANS } from './rollup-delta.ts'

test('a range is cut into parts that meet without gap or overlap, the traces only in broken quarter hours', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 10 * 24 * 4 }),
      fc.nat({ max: 10 * 24 * 4 }),
      fc.nat({ max: 3 }),
      fc.boolean(),
      fc.boolean(),
      (start, length, odd, days, hours) => {
        const fromUs = start * (HOUR_US / 8) + odd
        const toUs = fromUs + length * (HOUR_US / 8)
        const all = plan({ fromUs, toUs }, ['provider'], { days, hours }).parts
        const parts = all.filter(({ source }) => source !== 'new' && source !== 'hour')
        expect(parts[0]!.fromUs).toBe(fromUs)
        expect(parts.at(-1)!.untilUs).toBe(toUs + 1)
        parts.slice(1).forEach((part, i) => expect(part.fromUs).toBe(parts[i]!.untilUs))
        for (const { source, fromUs: from, untilUs } of parts) {
          if (source === 'traces') expect(untilUs - from).toBeLessThan(HOUR_US / 2)
          else {
            const { widthUs } = SPANS[source as 'quarter' | 'day']
            expect([from % widthUs, untilUs % widthUs]).toEqual([0, 0])
          }
          if (!days) expect(source).not.toBe('day')
        }
        // Hours of an earlier version are read wherever no days are: by their beginning.
        const ofDays = parts.filter(({ source }) => source === 'day')
        const wanted =
          ofDays.length === 0
            ? [[fromUs, toUs + 1]]
            : [
                [fromUs, ofDays[0]!.fromUs],
                [ofDays[0]!.untilUs, toUs + 1],
              ]
        expect(
          all.filter(({ source }) => source === 'hour').map((part) => [part.fromUs, part.untilUs]),
        ).toEqual(hours ? wanted.filter(([from, until]) => from! < until!) : [])
        // What is not rolled up yet is read for just the range that the rollups are read for.
        const rolled = parts.filter(({ source }) => source !== 'traces')
        expect(all.filter(({ source }) => source === 'new')).toEqual(
          rolled.length === 0
            ? []
            : [{ source: 'new', fromUs: rolled[0]!.fromUs, untilUs: rolled.at(-1)!.untilUs }],
        )
      },
    ),
  )
})

test('an open range is read by day alone', () => {
  expect(plan({}, [], { days: true, hours: true }).parts).toEqual([
    { source: 'day', fromUs: 0, untilUs: Infinity },
    { source: 'new', fromUs: 0, untilUs: Infinity },
  ])
  expect(plan({ fromUs: 5 * DAY_US }, ['model'], { days: true, hours: true }).parts).toEqual([
    { source: 'day', fromUs: 5 * DAY_US, untilUs: Infinity },
    { source: 'new', fromUs: 5 * DAY_US, untilUs: Infinity },
  ])
})

test('one dimension is served from the rollups, two and single traces are not', () => {
  const served = (filter: object, ...groups: Groups): unknown => {
    const { parts, dimension, value } = plan(filter, groups, { days: true, hours: false })
    return parts[0]!.source === 'traces' ? 'traces' : [dimension, value]
  }
  expect(served({})).toEqual(['', undefined])
  expect(served({ provider: 'openai', model: 'm' }, 'workspace')).toEqual(['', undefined])
  expect(served({}, 'session')).toEqual(['session', undefined])
  expect(served({ client: 'x' }, 'model')).toEqual(['client', 'x'])
  expect(served({ gatewayKeyId: 'k' }, 'key')).toEqual(['key', 'k'])
  expect(served({ tags: { team: 'a' } }, 'tag.team')).toEqual(['tag.team', 'a'])
  expect(served({ client: 'x' }, 'session')).toBe('traces')
  expect(served({ client: 'x', apiKeyHash: 'h' })).toBe('traces')
  expect(served({ tags: { team: 'a', env: 'b' } })).toBe('traces')
  expect(served({ sessionId: 's' }, 'session')).toBe('traces')
  expect(served({ status: 500 })).toBe('traces')
  expect(served({}, 'key', 'model')).toEqual(['key', undefined])
  expect(served({}, 'provider', 'workspace')).toEqual(['', undefined])
  expect(served({ client: 'x' }, 'model', 'client')).toEqual(['client', 'x'])
  expect(served({}, 'key', 'session')).toBe('traces')
})
