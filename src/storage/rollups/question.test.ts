import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { plan } from './question.ts'
import { DAY_US, HOUR_US } from './roll-up.ts'

test('a range is cut into parts that meet without gap or overlap, the traces only in broken hours', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 10 * 24 * 4 }),
      fc.nat({ max: 10 * 24 * 4 }),
      fc.nat({ max: 3 }),
      fc.boolean(),
      (start, length, odd, byHour) => {
        const fromUs = start * (HOUR_US / 4) + odd
        const toUs = fromUs + length * (HOUR_US / 4)
        const all = plan({ fromUs, toUs }, 'provider', byHour ? 'hour' : undefined).parts
        const parts = all.filter(({ source }) => source !== 'new')
        expect(parts[0]!.fromUs).toBe(fromUs)
        expect(parts.at(-1)!.untilUs).toBe(toUs + 1)
        parts.slice(1).forEach((part, i) => expect(part.fromUs).toBe(parts[i]!.untilUs))
        for (const { source, fromUs: from, untilUs } of parts) {
          const width = source === 24 ? DAY_US : HOUR_US
          if (source === 'traces') expect(untilUs - from).toBeLessThan(2 * HOUR_US)
          else expect([from % width, untilUs % width]).toEqual([0, 0])
          if (byHour) expect(source).not.toBe(24)
        }
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
  expect(plan({}, undefined, undefined).parts).toEqual([
    { source: 24, fromUs: 0, untilUs: Infinity },
    { source: 'new', fromUs: 0, untilUs: Infinity },
  ])
  expect(plan({ fromUs: 5 * DAY_US }, 'model', 'week').parts).toEqual([
    { source: 24, fromUs: 5 * DAY_US, untilUs: Infinity },
    { source: 'new', fromUs: 5 * DAY_US, untilUs: Infinity },
  ])
})

test('one dimension is served from the rollups, two and single traces are not', () => {
  const served = (filter: object, group?: Parameters<typeof plan>[1]): unknown => {
    const { parts, dimension, value } = plan(filter, group, undefined)
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
})
