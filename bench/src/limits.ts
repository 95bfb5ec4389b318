import { load, type Load } from './load.ts'
import { median } from './measure.ts'
import { recorded, startGateway, startHaproxy, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 6)

/** Long enough that compiling is over: what is measured is the work, not the warming up. */
const WARM_SECONDS = 12

/** What HAProxy took for a request on the machine that the figures are from: what is measured here is told in its terms too. */
const DESIGN_HAPROXY_MICROS = 14

/** Limits of every kind, none of which is reached. */
const LIMITS = `limits:
  per_key: {requests_per_minute: 900000000, max_tokens_per_day: 900000000000, max_cost_usd_per_day: 900000}
  policies:
    - {name: places, per: workspace, concurrent_requests: 100000}
    - {name: models, per: organization, split_by: model, budget: {cost_usd: 900000, period: month, time_zone: Europe/Berlin}}
`

/** What gateway keys, limits and budgets cost a request: one gateway without, one with, rounds interleaved. */
export async function limits(): Promise<void> {
  const upstream = await startJsonUpstream()
  const gateways = [
    await startGateway('', { name: 'nothing', port: 9203, keys: false }),
    await startGateway('', { name: 'keys', port: 9206, keys: true }),
    await startGateway(LIMITS, { name: 'keys, limits, budgets', port: 9207, keys: true }),
  ]
  const haproxy = await startHaproxy()
  const peers = [...gateways, haproxy]
  const results = new Map<string, Load[]>(peers.map(({ name }) => [name, []]))
  const sent = new Map<string, number>(peers.map(({ name }) => [name, 0]))
  try {
    for (const peer of peers) {
      await load(peer, 64, WARM_SECONDS)
      if (peer !== haproxy) sent.set(peer.name, (await recorded(peer)).accepted)
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
        const result = await load(peer, 64, SECONDS)
        results.get(peer.name)!.push(result)
        sent.set(peer.name, sent.get(peer.name)! + result.requests)
      }
    }
    for (const peer of gateways) await checkTraces(peer, sent.get(peer.name)!)
    const cpu = (name: string): number[] =>
      results.get(name)!.map(({ cpuMicros, requests }) => cpuMicros / requests)
    for (const { name } of peers) {
      const rounds = cpu(name).map((value) => value.toFixed(1))
      console.log(`${name.padEnd(24)} ${median(cpu(name)).toFixed(1)} µs CPU a request [${rounds.join(' ')}]`)
    }
    const [without, ...others] = gateways
    const scale = median(cpu(haproxy.name)) / DESIGN_HAPROXY_MICROS
    for (const { name } of others) {
      const added = median(cpu(name).map((value, round) => value - cpu(without!.name)[round]!))
      const there = (added / scale).toFixed(1)
      console.log(
        `${name}: ${added.toFixed(1)} µs more than without; ${there} where HAProxy takes ${DESIGN_HAPROXY_MICROS} (figure for all: ≤ 10)`,
      )
    }
  } finally {
    for (const peer of peers) await peer.stop()
    await upstream.stop()
  }
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
