import { Clients } from './clients.ts'
import { account, LIMITS, startGateway, type Gateway } from './gateway.ts'
import { meter, micros } from './measure.ts'
import { HaproxyUnit } from './unit.ts'
import { startJsonUpstream } from './upstream.ts'

/** Starts of the gateway: compiled code differs between them, and what else the machine does between the hours. */
const STARTS = Number(process.env['BENCH_STARTS'] ?? 3)

/** Each setting is under load for so long before it is measured, because hot functions are compiled again and again for minutes. */
const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 60)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 30)

/** How long a setting holds before it is the next one's turn: whatever else the machine does is done to all of them alike. */
const TURN_MS = 1000

/** Of a turn, what is not measured: what was worked out for the settings before is worked out anew. */
const LEAD_MS = 250

const WITHOUT = 'nothing'
const SETTINGS = [
  { name: WITHOUT, keys: false, settings: '' },
  { name: 'keys', keys: true, settings: '' },
  { name: 'keys, limits, budgets', keys: true, settings: LIMITS },
]

/** Who sends under a setting. */
interface Caller {
  readonly setting: (typeof SETTINGS)[number]
  readonly clients: Clients
}

/**
 * What gateway keys, limits and budgets cost a request under full load: one gateway whose settings are changed in turns. Two
 * processes of the same program differ by more than that.
 */
export async function limits(): Promise<void> {
  const upstream = await startJsonUpstream()
  const unit = await HaproxyUnit.start()
  const all = new Map<string, number[]>()
  try {
    for (let start = 0; start < STARTS; start++) {
      await unit.measure()
      for (const [name, value] of await measureStart()) all.set(name, [...(all.get(name) ?? []), value])
    }
    await unit.measure()
  } finally {
    await unit.stop()
    await upstream.stop()
  }
  const without = all.get(WITHOUT)!
  for (const [name, values] of all) {
    console.log(
      `${name}: ${mean(values).toFixed(1)} µs CPU a request${unit.times(mean(values))} [by start ${list(values)}]`,
    )
    if (name === WITHOUT) continue
    const more = values.map((value, start) => value - without[start]!)
    console.log(
      `${name}: ${mean(more).toFixed(1)} µs more than without [by start ${list(more)}] (figure for all: ≤ 10)`,
    )
  }
}

/** Starts the gateway, warms it, and measures. @returns microseconds of CPU a request, by setting */
async function measureStart(): Promise<Map<string, number>> {
  const gateway = await startGateway('', { keys: false })
  const callers: Caller[] = []
  try {
    for (const setting of SETTINGS) {
      callers.push({ setting, clients: await Clients.open(gateway, setting.keys ? gateway.headers : {}) })
    }
    await inTurns(gateway, callers, WARM_SECONDS)
    const measured = await inTurns(gateway, callers, SECONDS)
    await account(
      gateway,
      callers.reduce((sum, { clients }) => sum + clients.responses, 0),
    )
    return measured
  } finally {
    for (const { clients } of callers) clients.close()
    await gateway.stop()
  }
}

/** @param seconds for each setting @returns microseconds of CPU a request, by setting */
async function inTurns(
  gateway: Gateway,
  callers: readonly Caller[],
  seconds: number,
): Promise<Map<string, number>> {
  const sums = new Map(SETTINGS.map(({ name }) => [name, { micros: 0, requests: 0 }]))
  for (let turn = 0; turn < (seconds * 1000) / TURN_MS; turn++) {
    // None always has the same one before it, whose memory is still in the processor's caches.
    for (const { setting, clients } of callers.toSorted(() => Math.random() - 0.5)) {
      await gateway.configure(setting)
      await clients.run(LEAD_MS)
      const before = clients.responses
      const used = meter(gateway.pids())
      await clients.run(TURN_MS)
      // What the recorder does of it a little later is part of it.
      await gateway.settle()
      const sum = sums.get(setting.name)!
      sum.micros += micros(used())
      sum.requests += clients.responses - before
    }
  }
  return new Map([...sums].map(([name, sum]) => [name, sum.micros / sum.requests]))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function list(values: readonly number[]): string {
  return values.map((value) => value.toFixed(1)).join(' ')
}
