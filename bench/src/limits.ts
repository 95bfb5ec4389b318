import { load } from './load.ts'
import { median } from './measure.ts'
import { recorded, startGateway, startHaproxy, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

/** Starts of every program: two starts of the same one differ by more than what is measured here. */
const STARTS = Number(process.env['BENCH_STARTS'] ?? 5)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 1)

/** Long enough that compiling is over: what is measured is the work, not the warming up. */
const WARM_SECONDS = 12

/** What HAProxy took for a request on the machine that the figures are from: what is measured here is told in its terms too. */
const DESIGN_HAPROXY_MICROS = 14

const WITHOUT = 'nothing'

/** Limits of every kind, none of which is reached. */
const LIMITS = `limits:
  per_key: {requests_per_minute: 900000000, max_tokens_per_day: 900000000000, max_cost_usd_per_day: 900000}
  policies:
    - {name: places, per: workspace, concurrent_requests: 100000}
    - {name: models, per: organization, split_by: model, budget: {cost_usd: 900000, period: month, time_zone: Europe/Berlin}}
`

/** What gateway keys, limits and budgets cost a request: one gateway without, others with, rounds interleaved. */
export async function limits(): Promise<void> {
  const upstream = await startJsonUpstream()
  const haproxy = await startHaproxy()
  const all = new Map<string, number[]>()
  const added = new Map<string, number[]>()
  try {
    for (let start = 0; start < STARTS; start++) {
      const cpu = await measureStart(haproxy)
      const without = cpu.get(WITHOUT)!
      for (const [name, values] of cpu) {
        all.set(name, [...(all.get(name) ?? []), ...values])
        const difference = median(values.map((value, round) => value - without[round]!))
        added.set(name, [...(added.get(name) ?? []), difference])
      }
    }
  } finally {
    await haproxy.stop()
    await upstream.stop()
  }
  for (const [name, values] of all) {
    const rounds = values.map((value) => value.toFixed(0))
    console.log(`${name.padEnd(24)} ${median(values).toFixed(1)} µs CPU a request [${rounds.join(' ')}]`)
  }
  const scale = median(all.get(haproxy.name)!) / DESIGN_HAPROXY_MICROS
  for (const [name, differences] of added) {
    if (name === WITHOUT || name === haproxy.name) continue
    const more = differences.reduce((sum, value) => sum + value, 0) / differences.length
    const starts = differences.map((value) => value.toFixed(1)).join(' ')
    const there = (more / scale).toFixed(1)
    console.log(
      `${name}: ${more.toFixed(1)} µs more than without [by start ${starts}]; ${there} where HAProxy takes ${DESIGN_HAPROXY_MICROS} (figure for all: ≤ 10)`,
    )
  }
}

/** Starts the gateways, warms them, and measures round after round. @returns microseconds of CPU a request, by name */
async function measureStart(haproxy: Peer): Promise<Map<string, number[]>> {
  const gateways = [
    await startGateway('', { name: WITHOUT, port: 9203, keys: false }),
    await startGateway('', { name: 'keys', port: 9206, keys: true }),
    await startGateway(LIMITS, { name: 'keys, limits, budgets', port: 9207, keys: true }),
  ]
  const peers = [...gateways, haproxy]
  const cpu = new Map<string, number[]>(peers.map(({ name }) => [name, []]))
  const sent = new Map<string, number>()
  try {
    for (const peer of peers) {
      await load(peer, 64, WARM_SECONDS)
      if (peer !== haproxy) sent.set(peer.name, (await recorded(peer)).accepted)
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
        const { cpuMicros, requests } = await load(peer, 64, SECONDS)
        cpu.get(peer.name)!.push(cpuMicros / requests)
        sent.set(peer.name, (sent.get(peer.name) ?? 0) + requests)
      }
    }
    for (const peer of gateways) await checkTraces(peer, sent.get(peer.name)!)
  } finally {
    for (const peer of gateways) await peer.stop()
  }
  return cpu
}

async function checkTraces(peer: Peer, sent: number): Promise<void> {
  const { accepted, stored, dropped } = await recorded(peer)
  const uncounted = accepted - sent
  if (uncounted < 0 || uncounted > 65 * ROUNDS || stored !== accepted || dropped > 0) {
    throw new Error(
      `${peer.name}: traces differ from requests: sent ${sent}, accepted ${accepted}, stored ${stored}`,
    )
  }
  console.log(`${peer.name}: traces ${stored} = requests ${sent} + ${uncounted} that wrk cut off`)
}
