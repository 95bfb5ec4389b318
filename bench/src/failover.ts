import { ask, type Asked, type Shape } from './failover-load.ts'
import { startPortkeyWithTargets, startWithTargets, type FailoverPeer } from './failover-peers.ts'
import { type Fault, FAULTS, FaultyTarget, type SeenAttempt } from './faults.ts'
import { quantile } from './measure.ts'
import { runOnLoadProcessor } from './peers.ts'

const OUTAGE_SECONDS = Number(process.env['BENCH_TARGET_OUTAGE_SECONDS'] ?? 60)
const FAULT_SECONDS = Number(process.env['BENCH_FAULT_SECONDS'] ?? 12)
const ONLY = process.env['BENCH_FAULTS']?.split(' ')
const AT_ONCE = (process.env['BENCH_AT_ONCE'] ?? '1 64').split(' ')

const SHAPES: readonly Shape[] = [
  { name: 'one request each 4 s', atOnce: 1, everyMs: 4000 },
  { name: '64 at once each second', atOnce: 64, everyMs: 1000 },
]

/** The gateway's defaults: `routing.breaker`. */
const FAILURES = 3
const OPEN_MS = 30_000

/** An attempt that was sent so soon after the last failure counts as under way: the failure was on its way back. */
const UNDER_WAY_MS = 100

/** By how much a timer may be early, in milliseconds. */
const TOLERANCE_MS = 100

/** Of what was asked during a fault, what the figures are made of. */
interface Run {
  readonly fault: Fault
  readonly shape: Shape
  readonly peer: string
  readonly begunAt: number
  readonly healthy: readonly Asked[]
  readonly asked: readonly Asked[]
  readonly attempts: readonly SeenAttempt[]
}

/** The program that has a breaker. */
const GATEWAY = 'ongoingai'

type Start = (first: string, second: string) => Promise<FailoverPeer | undefined>

/**
 * Two targets for a model, of which the first fails: requests that fail at the client, attempts that were in vain, and added latency. Beside
 * Portkey's gateway with its fallback.
 */
export async function failover(): Promise<void> {
  runOnLoadProcessor()
  for (const fault of FAULTS) {
    if (ONLY && !ONLY.includes(fault.name)) continue
    for (const shape of SHAPES) {
      if (!AT_ONCE.includes(String(shape.atOnce))) continue
      // Few requests disturb nobody, so the programs are asked at the same time.
      const starts: readonly Start[] = [startWithTargets, startPortkeyWithTargets]
      if (shape.atOnce === 1) {
        for (const run of await Promise.all(starts.map((start) => measure(start, fault, shape)))) show(run)
      } else {
        for (const start of starts) show(await measure(start, fault, shape))
      }
    }
  }
}

async function measure(start: Start, fault: Fault, shape: Shape): Promise<Run | undefined> {
  const first = await FaultyTarget.start(fault.streams)
  const second = await FaultyTarget.start(fault.streams)
  const peer = await start(first.url, second.url)
  try {
    if (!peer) return undefined
    // The first requests compile code.
    const few = { ...shape, atOnce: Math.min(shape.atOnce, 8), everyMs: 100 }
    const warm = await ask(peer, 'both', few, fault.streams, 1)
    const ready = await ask(peer, 'second', few, fault.streams, 1)
    const broken = ready.find(({ failure }) => failure !== '')
    if (broken) {
      console.log(`without ${peer.name}: it fails with a healthy target, too: ${broken.failure}`)
      return undefined
    }
    await first.fail(fault)
    const begunAt = performance.now()
    const seconds = fault.name === 'outage' ? OUTAGE_SECONDS : FAULT_SECONDS
    // Both are asked in turns, because what else the machine does changes.
    const [asked, healthy] = await Promise.all([
      ask(peer, 'both', shape, fault.streams, seconds),
      Bun.sleep(shape.everyMs / 2).then(() => ask(peer, 'second', shape, fault.streams, seconds)),
    ])
    await peer.account(warm.length + ready.length + healthy.length + asked.length)
    return { fault, shape, peer: peer.name, begunAt, healthy, asked, attempts: [...first.attempts] }
  } finally {
    await peer?.stop()
    if (fault.play) await first.stop()
    await second.stop()
  }
}

function show(run: Run | undefined): void {
  if (!run) return
  const { fault, shape, peer, healthy, asked } = run
  const failed = asked.filter(({ failure }) => failure !== '')
  const { before, after } = inVain(run)
  const ms = (all: readonly Asked[], share: number): string =>
    quantile(
      all.map((one) => one.ms),
      share,
    ).toFixed(1)
  const all = before.length + after.length
  const once = fault.opens && peer === GATEWAY ? `, ${after.length} of them once the breaker was open` : ''
  const attempts = fault.play ? `${all} attempts in vain${once}` : 'attempts in vain not counted'
  console.log(
    `${fault.name}, ${shape.name}: ${peer}: ${failed.length} of ${asked.length} requests failed; ${attempts}; p50 ${ms(asked, 0.5)} ms, p99 ${ms(asked, 0.99)} (healthy second target: ${ms(healthy, 0.5)}, ${ms(healthy, 0.99)})`,
  )
  for (const [failure, count] of counted(failed.map((one) => one.failure)))
    console.log(`  failed × ${count}: ${failure}`)
  if (fault.play) console.log(`  in vain, at seconds of the fault: ${bySecond(run)}`)
  console.log(
    `  slowest: ${asked
      .map((one) => one.ms)
      .sort((a, b) => b - a)
      .slice(0, 8)
      .map((one) => one.toFixed(0))
      .join(' ')} ms`,
  )
  if (fault.name === 'outage' && peer === GATEWAY) judge(run, failed.length, after)
}

/** Divides the attempts at the failing target: until its breaker was open, and after. A program without a breaker has none after. */
function inVain({ attempts, peer }: Run): Record<'before' | 'after', readonly SeenAttempt[]> {
  const ends = attempts.map(({ endedAt }) => endedAt).sort((a, b) => a - b)
  const openAt = peer === GATEWAY ? (ends[FAILURES - 1] ?? Infinity) + UNDER_WAY_MS : Infinity
  return {
    before: attempts.filter(({ at }) => at <= openAt),
    after: attempts.filter(({ at }) => at > openAt),
  }
}

function judge(
  { healthy, asked, attempts, shape }: Run,
  failed: number,
  after: readonly SeenAttempt[],
): void {
  const p50 = (all: readonly Asked[]): number =>
    quantile(
      all.map((one) => one.ms),
      0.5,
    )
  const added = p50(asked) - p50(healthy)
  const ends = attempts.map(({ endedAt }) => endedAt).sort((a, b) => a - b)
  let last = ends[FAILURES - 1] ?? 0
  let tooOften = 0
  for (const { at } of after) {
    if (at - last < OPEN_MS - TOLERANCE_MS) tooOften += 1
    last = at
  }
  const held = (isHeld: boolean): string => (isHeld ? 'held' : 'NOT HELD')
  console.log(`  no request failed: ${held(failed === 0)}`)
  console.log(`  at most one attempt in vain each 30 s once the breaker was open: ${held(tooOften === 0)}`)
  console.log(
    `  p50 at most the healthy target's + 5 ms (${added.toFixed(1)}): ${held(added <= 5)}, ${shape.name}`,
  )
}

function bySecond({ attempts, begunAt }: Run): string {
  const seconds = counted(attempts.map(({ at }) => ((at - begunAt) / 1000).toFixed(0)))
  const shown = seconds.map(([second, count]) => `${second}${count > 1 ? ` × ${count}` : ''}`)
  return shown.length > 0 ? shown.join(', ') : 'none'
}

function counted(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts]
}
