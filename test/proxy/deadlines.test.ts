import { expect, test } from 'bun:test'
import { Clock, Deadlines, type Probed, type Strike } from '../../src/proxy/upstream/deadlines.ts'
import { eventually } from '../support/eventually.ts'

const NONE = { connectMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 }

function probed(isReachable: () => Promise<boolean>): Probed {
  return { isReachable, heardAt: 0 }
}

function watch(
  timeouts: Partial<typeof NONE>,
  isReachable: () => Promise<boolean>,
): { clock: Clock; struck: Strike[]; deadlines: Deadlines } {
  const struck: Strike[] = []
  const deadlines = new Deadlines()
  const clock = new Clock({ ...NONE, ...timeouts }, probed(isReachable), performance.now(), (code) =>
    struck.push(code),
  )
  deadlines.watch(clock)
  return { clock, struck, deadlines }
}

test('an upstream that does not accept a connection is a connect time-out, not a slow response', async () => {
  const dead = watch({ connectMs: 100, firstByteMs: 60_000 }, () => Promise.resolve(false))
  await eventually(() => dead.struck.length > 0)
  expect(dead.struck).toEqual(['upstream_connect_timeout'])

  const slow = watch({ connectMs: 100, firstByteMs: 300 }, () => Promise.resolve(true))
  await eventually(() => slow.struck.length > 0)
  expect(slow.struck).toEqual(['upstream_first_byte_timeout'])
})

test('exchanges that wait for one upstream share one probe', async () => {
  let probes = 0
  let release: (answered: boolean) => void = () => {}
  const deadlines = new Deadlines()
  const connection = probed(() => {
    probes += 1
    return new Promise((resolve) => (release = resolve))
  })
  const struck: Strike[] = []
  const clocks = Array.from(
    { length: 5 },
    () => new Clock({ ...NONE, connectMs: 50 }, connection, performance.now(), (code) => struck.push(code)),
  )
  for (const clock of clocks) deadlines.watch(clock)
  await eventually(() => probes > 0)
  release(false)
  await eventually(() => struck.length === 5)
  expect([probes, struck.length]).toEqual([1, 5])
})

test('progress puts the idle time-out off; no time-out strikes that is not set', async () => {
  const { clock, struck, deadlines } = watch({ idleMs: 200 }, () => Promise.resolve(true))
  clock.enter('body')
  for (let i = 0; i < 10; i++) {
    await Bun.sleep(50)
    clock.enter('body')
  }
  expect(struck).toEqual([])
  await eventually(() => struck.length > 0)
  expect(struck).toEqual(['upstream_idle_timeout'])
  deadlines.forget(clock)
})

test('an upstream that other exchanges hear is not silent, however it treats new connections', async () => {
  let probes = 0
  const silent = probed(() => Promise.resolve((probes += 1) === 0))
  const deadlines = new Deadlines()
  const struck: string[] = []
  const clockOf = (name: string): Clock =>
    new Clock({ ...NONE, connectMs: 50 }, silent, performance.now(), (code) => struck.push(`${name} ${code}`))
  const [waiting, heard] = [clockOf('waiting'), clockOf('heard')]
  heard.enter('body')
  deadlines.watch(waiting)
  deadlines.watch(heard)
  const hearing = setInterval(() => heard.enter('body'), 1)
  await eventually(() => probes >= 3)
  expect(struck).toEqual([])
  clearInterval(hearing)
  // The last that is heard is the end of an exchange; then there is silence.
  deadlines.forget(heard)
  await eventually(() => struck.length > 0)
  expect(struck).toEqual(['waiting upstream_connect_timeout'])
})

test('a pause of the process counts for no time-out; after it each strikes as ever', async () => {
  const idle = watch({ idleMs: 1000 }, () => Promise.resolve(true))
  idle.clock.enter('body')
  const first = watch({ firstByteMs: 1000, connectMs: 1000 }, () => Promise.resolve(false))
  const total = watch({ totalMs: 1000 }, () => Promise.resolve(true))
  // The process stands still for longer than any of them, and then goes on.
  Bun.sleepSync(2000)
  await Bun.sleep(60)
  expect([idle.struck, first.struck, total.struck]).toEqual([[], [], []])
  await eventually(() => [idle, first, total].every(({ struck }) => struck.length > 0))
  expect([idle.struck, first.struck, total.struck]).toEqual([
    ['upstream_idle_timeout'],
    ['upstream_connect_timeout'],
    ['upstream_total_timeout'],
  ])
})

test('a pause moves a wait no further than to its end', () => {
  const clock = new Clock(
    NONE,
    probed(() => Promise.resolve(true)),
    1000,
    () => undefined,
  )
  clock.phaseAt = 1500
  clock.shift(300, 4000)
  expect([clock.startedAt, clock.phaseAt]).toEqual([1300, 1800])
  // Progress between the end of the pause and the sweep that notices it.
  clock.phaseAt = 3990
  clock.shift(2000, 4000)
  expect([clock.startedAt, clock.phaseAt]).toEqual([3300, 4000])
})
