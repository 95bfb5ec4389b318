import { loadInTurns, type Turns } from './load-in-turns.ts'
import { recorded, startGateway, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

/** Starts of every program: two starts of the same one differ by more than what is measured here. */
const STARTS = Number(process.env['BENCH_STARTS'] ?? 3)

/** Each program is under load for so long before it is measured, because hot functions are compiled again and again for a minute. */
const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 60)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 24)

/**
 * The gateways get the same requests at the same rate, this share of what the slowest could do. When each gets as many as it answers,
 * clients and upstream sleep more often beside a slower one, and it is charged with waking them.
 */
const RATE_SHARE = 0.8

const WITHOUT = 'nothing'

/** Limits of every kind, none of which is reached. */
const LIMITS = `limits:
  per_key: {requests_per_minute: 900000000, max_tokens_per_day: 900000000000, max_cost_usd_per_day: 900000}
  policies:
    - {name: places, per: workspace, concurrent_requests: 100000}
    - {name: models, per: organization, split_by: model, budget: {cost_usd: 900000, period: month, time_zone: Europe/Berlin}}
`

/** What gateway keys, limits and budgets cost a request: one gateway without, others with, under load in turns. */
export async function limits(): Promise<void> {
  const upstream = await startJsonUpstream()
  const all = new Map<string, number[]>()
  try {
    for (let start = 0; start < STARTS; start++) {
      for (const [name, micros] of await measureStart()) {
        all.set(name, [...(all.get(name) ?? []), micros])
      }
    }
  } finally {
    await upstream.stop()
  }
  const without = all.get(WITHOUT)!
  for (const [name, values] of all) {
    console.log(`${name}: ${mean(values).toFixed(1)} µs CPU a request [by start ${list(values)}]`)
    if (name === WITHOUT) continue
    const more = values.map((value, start) => value - without[start]!)
    console.log(
      `${name}: ${mean(more).toFixed(1)} µs more than without [by start ${list(more)}] (figure for all: ≤ 10)`,
    )
  }
}

/** Starts the gateways, warms them, and measures. @returns microseconds of CPU a request, by name */
async function measureStart(): Promise<Map<string, number>> {
  const gateways = [
    await startGateway('', { name: WITHOUT, port: 9203, keys: false }),
    await startGateway('', { name: 'keys', port: 9206, keys: true }),
    await startGateway(LIMITS, { name: 'keys, limits, budgets', port: 9207, keys: true }),
  ]
  try {
    const warm = await loadInTurns(gateways, WARM_SECONDS, Infinity)
    const slowest = Math.min(...[...warm.values()].map(({ requests }) => requests)) / WARM_SECONDS
    const measured = await loadInTurns(gateways, SECONDS, RATE_SHARE * slowest)
    console.log(`${(RATE_SHARE * slowest).toFixed(0)} requests a second`)
    for (const peer of gateways)
      await checkTraces(peer, warm.get(peer)!.requests + measured.get(peer)!.requests)
    return new Map([...measured].map(([peer, turns]) => [peer.name, microsOf(turns)]))
  } finally {
    for (const peer of gateways) await peer.stop()
  }
}

async function checkTraces(peer: Peer, sent: number): Promise<void> {
  const { accepted, stored, dropped } = await recorded(peer)
  if (accepted !== sent || stored !== sent || dropped > 0) {
    throw new Error(
      `${peer.name}: traces differ from requests: sent ${sent}, accepted ${accepted}, stored ${stored}`,
    )
  }
  console.log(`${peer.name}: traces ${stored} = requests ${sent}`)
}

function microsOf({ cpuMicros, requests }: Turns): number {
  return cpuMicros / requests
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function list(values: readonly number[]): string {
  return values.map((value) => value.toFixed(1)).join(' ')
}
