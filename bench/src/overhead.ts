import { load, type Load } from './load.ts'
import { median, residentBytes } from './measure.ts'
import {
  DIRECT,
  recorded,
  startGateway,
  startHaproxy,
  startPortkey,
  useBothProcessors,
  type Peer,
} from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

const ROUNDS = 3
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8)

/** One proxied JSON request: processor time, throughput on one processor, added latency; rounds interleaved. */
export async function overhead(): Promise<void> {
  const upstream = await startJsonUpstream()
  const gateway = await startGateway()
  const peers: Peer[] = [gateway, await startHaproxy(), await startPortkey()]
  const busy = new Map<string, Load[]>()
  const single = new Map<string, Load[]>()
  let sent = 0
  try {
    for (const peer of peers) await load(peer, 32, 3)
    sent += (await recorded(gateway)).accepted
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? peers : [...peers].reverse()
      for (const peer of order) {
        const result = await load(peer, 64, SECONDS)
        push(busy, peer.name, result)
        if (peer === gateway) sent += result.requests
      }
      // Latency is a matter of both processors: at one connection nothing competes for them.
      for (const peer of order) useBothProcessors(peer, true)
      for (const peer of [DIRECT, ...order]) {
        const result = await load(peer, 1, Math.max(2, Math.floor(SECONDS / 2)))
        push(single, peer.name, result)
        if (peer === gateway) sent += result.requests
      }
      for (const peer of order) useBothProcessors(peer, false)
    }
    const { accepted, stored, dropped } = await recorded(gateway)
    // wrk leaves requests behind that it no longer counts: at most one for each of its connections.
    const uncounted = accepted - sent
    if (uncounted < 0 || uncounted > 65 * ROUNDS || stored !== accepted || dropped > 0) {
      throw new Error(
        `traces differ from requests: sent ${sent}, accepted ${accepted}, stored ${stored}, dropped ${dropped}`,
      )
    }
    console.log(`traces ${stored} = requests ${sent} + ${uncounted} that wrk cut off at the end of a run`)
    print('64 connections', busy)
    print('1 connection', single)
    const haproxy = median(busy.get('haproxy')!.map(perRequest))
    const ours = median(busy.get('ongoingai')!.map(perRequest))
    const speed = (name: string): number => median(busy.get(name)!.map((result) => result.perSecond))
    const wait = (name: string, share: 'p50Ms' | 'p99Ms'): number =>
      median(single.get(name)!.map((result) => result[share]))
    console.log(`CPU per request: ${(ours / haproxy).toFixed(2)} × HAProxy (figure: ≤ 6)`)
    console.log(
      `throughput on one core: ${(speed('ongoingai') / speed('portkey')).toFixed(1)} × Portkey (figure: ≥ 10)`,
    )
    for (const share of ['p50Ms', 'p99Ms'] as const) {
      const added = (name: string): string => (wait(name, share) - wait('direct', share)).toFixed(3)
      console.log(
        `added latency ${share}: ongoingai ${added('ongoingai')}, haproxy ${added('haproxy')}, portkey ${added('portkey')} (figure: p50 ≤ 0.25, p99 ≤ 1)`,
      )
    }
    console.log(`resident memory after load: ${(residentBytes(gateway.pids().at(-1)!) / 1e6).toFixed(0)} MB`)
  } finally {
    for (const peer of peers) await peer.stop()
    await upstream.stop()
  }
}

function perRequest({ cpuMicros: cpu, requests }: Load): number {
  return cpu / requests
}

function push(results: Map<string, Load[]>, name: string, result: Load): void {
  results.set(name, [...(results.get(name) ?? []), result])
}

function print(title: string, results: Map<string, Load[]>): void {
  console.log(
    `\n${title}: program, CPU µs per request, requests/s, p50 ms, p99 ms (median; every round behind it)`,
  )
  for (const [name, loads] of results) {
    const column = (value: (one: Load) => number, digits: number): string =>
      `${median(loads.map(value)).toFixed(digits)} [${loads.map((one) => value(one).toFixed(digits)).join(' ')}]`
    console.log(
      `${name.padEnd(10)} ${column(perRequest, 1)}  ${column((l) => l.perSecond, 0)}  ${column((l) => l.p50Ms, 3)}  ${column((l) => l.p99Ms, 3)}`,
    )
  }
}
