import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Bucket } from '../../src/storage/contract/analytics.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { sampleTrace } from '../support/trace.ts'

const MINUTE = 60_000_000
const HOUR = 60 * MINUTE
const QUARTER = 15 * MINUTE
const DAY = 24 * HOUR

/** Summer time both ways, offsets of half and quarter hours, half an hour of summer time, a midnight that is skipped. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
]

const us = (time: string): number => Date.parse(time) * 1000

/** Moments at which clocks change, in 2025 and 2026. */
const CHANGES = [
  '2025-11-02T06:00:00Z',
  '2026-03-08T07:00:00Z',
  '2026-03-28T22:00:00Z',
  '2026-03-29T01:00:00Z',
  '2026-04-04T14:00:00Z',
  '2026-04-04T15:00:00Z',
  '2026-10-03T15:30:00Z',
  '2026-10-24T21:00:00Z',
  '2026-10-25T01:00:00Z',
].map(us)

/** What every store must do where sums meet calendars. `run` executes a statement beside the storage, as an operator would. */
export function calendarContract(
  name: string,
  open: () => Promise<{ readonly storage: Storage; readonly run: (statement: string) => Promise<void> }>,
): void {
  describe(`calendar contract: ${name}`, () => {
    let storage: Storage
    let run: (statement: string) => Promise<void>
    beforeEach(async () => {
      ;({ storage, run } = await open())
    })
    afterEach(() => storage.close())

    test.each(ZONES)(
      'days, weeks and months of %s are those of its clocks, whatever is rolled up',
      async (timeZone) => {
        const traces = yearOfTraces(zoneSeed(timeZone))
        await storage.write(traces)
        // Some stay behind.
        await storage.maintenance().rollUp(250)
        const reader = storage.everywhere()
        const ranges = [{}, { fromUs: us('2026-03-20T09:07:00Z'), toUs: us('2026-10-30T11:22:33Z') }]
        for (const range of ranges) {
          const chosen = traces.filter(
            ({ startedAtUs }) =>
              startedAtUs >= (range.fromUs ?? 0) && startedAtUs <= (range.toUs ?? Infinity),
          )
          for (const bucket of ['day', 'week', 'month'] as const) {
            const { rows, approximate } = await reader.measure(range, {
              bucket,
              timeZone,
              group: 'model',
              percentiles: true,
            })
            const told = rows.map((row) => [
              row.bucketStartUs,
              row.group,
              row.requests,
              row.costNanoUsd,
              row.maxLatencyMs,
            ])
            expect({ bucket, range, told }).toEqual({ bucket, range, told: naive(chosen, bucket, timeZone) })
            expect(approximate).toBeUndefined()
            for (const row of rows) {
              const { p50, p99 } = row.percentiles!
              expect(p50 >= row.minLatencyMs && p99 <= row.maxLatencyMs && p50 > 0).toBe(true)
            }
          }
        }
      },
      300_000,
    )

    test('hours are those of UTC in every zone, and a zone that there is not is refused', async () => {
      const traces = yearOfTraces(1).slice(0, 50)
      await storage.write(traces)
      const reader = storage.everywhere()
      const hours = await reader.measure({}, { bucket: 'hour', timeZone: 'Asia/Kathmandu' })
      expect(hours).toEqual(await reader.measure({}, { bucket: 'hour' }))
      expect(hours.rows.every(({ bucketStartUs }) => bucketStartUs % HOUR === 0)).toBe(true)
      expect(reader.measure({}, { bucket: 'day', timeZone: 'Mars/Olympus' })).rejects.toThrow('Mars/Olympus')
    })

    describe('hours that an earlier version summed up', () => {
      const T0 = us('2026-02-18T00:00:00Z')
      const traces = Array.from({ length: 48 }, (_, i) => {
        // Late in each hour, so that where the hour begins is not where the trace is.
        const startedAtUs = T0 + i * HOUR + 50 * MINUTE
        const workspaceId = i % 2 === 0 ? 'one' : 'two'
        const failed = i % 8 === 0 ? ({ outcome: 'upstream_failed' } as const) : {}
        return sampleTrace({
          id: `t${i}`,
          startedAtUs,
          createdAtUs: startedAtUs + 1000,
          workspaceId,
          costNanoUsd: 1000,
          ...failed,
        })
      })
      beforeEach(async () => {
        await storage.write(traces)
        await storage.maintenance().rollUp(100)
        await run(`UPDATE rollups SET span = 1, start_us = start_us - start_us % ${HOUR} WHERE span = 15`)
      })
      const deleteTraces = async (): Promise<void> => {
        while ((await storage.maintenance().deleteTraces(T0 + 1e13, 50)) > 0);
      }
      const refine = async (): Promise<void> => {
        let after
        do after = await storage.maintenance().refineHour(after)
        while (after)
      }

      test('they count where they begin once their traces are gone, and the answer says when that matters', async () => {
        await deleteTraces()
        await refine()
        const reader = storage.everywhere()
        const days = (timeZone: string) => reader.measure({}, { bucket: 'day', timeZone })
        const told = async (timeZone: string): Promise<unknown[]> => {
          const { rows, approximate } = await days(timeZone)
          return [...rows.map((row) => row.requests), approximate]
        }
        expect(await told('UTC')).toEqual([24, 24, undefined])
        // Midnight of Berlin is an hour of UTC.
        expect(await told('Europe/Berlin')).toEqual([23, 24, 1, undefined])
        // That of Kathmandu is at 18:15: the hour from 18:00 counts in the day before.
        expect(await told('Asia/Kathmandu')).toEqual([19, 24, 5, true])
        // No month begins within one of these hours.
        expect(await reader.measure({}, { bucket: 'month', timeZone: 'Asia/Kathmandu' })).not.toHaveProperty(
          'approximate',
        )
        // A range that cuts an hour, at its end or its beginning, and one that does not.
        const half = T0 + 3 * HOUR + 30 * MINUTE
        expect(await reader.measure({ toUs: half - 1 }, {})).toMatchObject({
          rows: [{ requests: 4 }],
          approximate: true,
        })
        expect(await reader.measure({ fromUs: half }, {})).toMatchObject({
          rows: [{ requests: 44 }],
          approximate: true,
        })
        const whole = await reader.measure({ fromUs: T0 + 3 * HOUR, toUs: T0 + 5 * HOUR - 1 }, {})
        expect([whole.rows[0]!.requests, whole.approximate]).toEqual([2, undefined])
        // What another filter has none of is not cut.
        expect(await reader.measure({ toUs: half - 1, provider: 'nobody' }, {})).not.toHaveProperty(
          'approximate',
        )
      })

      test('a trace is counted once beside the sum of its hour', async () => {
        const reader = storage.everywhere()
        for (const range of [
          { toUs: T0 + 3 * HOUR + 55 * MINUTE },
          { fromUs: T0 + 3 * HOUR + 40 * MINUTE },
          { fromUs: T0 + 3 * HOUR + 49 * MINUTE, toUs: T0 + 3 * HOUR + 52 * MINUTE },
        ]) {
          const expected = Array.from({ length: 48 }, (_, i) => T0 + i * HOUR).filter(
            (start) => start >= (range.fromUs ?? 0) && start <= (range.toUs ?? Infinity),
          )
          expect((await reader.measure(range, {})).rows[0]!.requests).toBe(expected.length)
        }
      })

      test('they are summed up anew by quarter while their traces are there', async () => {
        // As a version that does not count them leaves it.
        await run(`UPDATE rollups SET failed_answers = 0`)
        await refine()
        const reader = storage.everywhere()
        const kathmandu = await reader.measure(
          {},
          { bucket: 'day', timeZone: 'Asia/Kathmandu', group: 'workspace' },
        )
        expect(kathmandu.approximate).toBeUndefined()
        expect(kathmandu.rows.map((row) => [row.bucketStartUs, row.group, row.requests])).toEqual(
          naive(traces, 'day', 'Asia/Kathmandu', (trace) => `default/${trace.workspaceId}`).map((row) =>
            row.slice(0, 3),
          ),
        )
        const all = await reader.measure({}, {})
        expect(all.rows[0]).toMatchObject({ requests: 48, costNanoUsd: 48_000, failedAnswers: 6 })
        expect((await storage.maintenance().checkRollups(T0, T0 + 3 * DAY)).different).toEqual([])
        // Again, it changes nothing.
        await refine()
        expect(await reader.measure({}, {})).toEqual(all)
        await deleteTraces()
        expect((await reader.measure({ toUs: T0 + 3 * HOUR + 44 * MINUTE }, {})).rows[0]!.requests).toBe(3)
      })

      test('another price reaches the sum of the hour', async () => {
        const jobs = storage.maintenance()
        const page = await jobs.page({}, 0, 100)
        const updates = page.map(({ seq, trace }) => ({ seq, trace: { ...trace, costNanoUsd: 5000 } }))
        await jobs.replaceCosts('job', updates, page.at(-1)!.seq)
        const { rows } = await storage.everywhere().measure({}, { bucket: 'hour' })
        expect(rows.map((row) => row.costNanoUsd)).toEqual(Array.from({ length: 48 }, () => 5000))
        expect((await jobs.checkRollups(T0, T0 + 3 * DAY)).different).toEqual([])
      })

      test('retention takes them away by their age', async () => {
        const jobs = storage.maintenance()
        while ((await jobs.deleteRollups(T0 + 24 * HOUR + 30 * MINUTE, 7)) > 0);
        const { rows } = await storage.everywhere().measure({}, { bucket: 'hour' })
        expect(rows.length).toBe(24)
      })
    })
  })
}

function zoneSeed(zone: string): number {
  return [...zone].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 100_003
}

/** Traces around every change of the clocks and all over the rest of fourteen months; the same for the same seed. */
function yearOfTraces(seed: number): Trace[] {
  let state = seed
  const random = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const first = us('2025-10-20T00:00:00Z')
  return Array.from({ length: 300 }, (_, i) => {
    const around = CHANGES[random(CHANGES.length)]! + (random(2 * 26 * 60) - 26 * 60) * MINUTE
    const startedAtUs = i % 2 === 0 ? around : first + random(420 * 24 * 60) * MINUTE + random(60) * 1_000_000
    return sampleTrace({
      id: `trace-${i}`,
      startedAtUs,
      createdAtUs: startedAtUs + random(9) * 1_000_000,
      model: i % 3 === 0 ? 'gpt' : 'claude',
      costNanoUsd: random(1000),
      latencyMs: 1 + random(3000),
    })
  })
}

/** Sums by the date that a clock of the zone shows, in the plainest way: bucket, group, requests, cost, largest latency. */
function naive(
  traces: readonly Trace[],
  bucket: Exclude<Bucket, 'hour'>,
  timeZone: string,
  groupOf: (trace: Trace) => string = ({ model }) => model,
): (number | string)[][] {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
  const bucketName = (atUs: number): string => {
    const date = clock.format(atUs / 1000)
    if (bucket === 'day') return date
    if (bucket === 'month') return date.slice(0, 7)
    const day = new Date(`${date}T00:00:00Z`)
    day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
    return day.toISOString().slice(0, 10)
  }
  const starts = new Map<string, number>()
  const startOf = (atUs: number): number => {
    const name = bucketName(atUs)
    let start = starts.get(name)
    if (start !== undefined) return start
    // By day and then by quarter of an hour back to where the bucket before begins.
    start = atUs - (atUs % QUARTER)
    while (bucketName(start - DAY) === name) start -= DAY
    while (bucketName(start - QUARTER) === name) start -= QUARTER
    starts.set(name, start)
    return start
  }
  const groups = Map.groupBy(traces, (trace) => JSON.stringify([startOf(trace.startedAtUs), groupOf(trace)]))
  return [...groups]
    .map(([key, members]) => [
      ...(JSON.parse(key) as [number, string]),
      members.length,
      members.reduce((sum, trace) => sum + (trace.costNanoUsd ?? 0), 0),
      Math.max(...members.map((trace) => trace.latencyMs)),
    ])
    .sort((a, b) => Number(a[0]) - Number(b[0]) || (String(a[1]) < String(b[1]) ? -1 : 1))
}
