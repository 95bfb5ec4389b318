import { account, recorded, startGateway } from './gateway.ts'
import { load, type Load } from './load.ts'
import { median, medianOf, micros, residentBytes, threadLine } from './measure.ts'
import { DIRECT, startOthers, useBothProcessors, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 4)
const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 15)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8)

/** One proxied JSON request: processor time, throughput on one processor, added latency; rounds interleaved. */
export async function overhead(): Promise<void> {
  const upstream = await startJsonUpstream()
  const gateway = await startGateway()
  const peers: Peer[] = [gateway, ...(await startOthers(['haproxy', 'go', 'bun', 'portkey']))]
  const busy = new Map<string, Load[]>()
  const single = new Map<string, Load[]>()
  try {
    for (const peer of peers) await load(peer, 64, WARM_SECONDS)
    const warm = (await recorded(gateway)).accepted
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? peers : peers.toReversed()
      for (const peer of order) push(busy, peer.name, await load(peer, 64, SECONDS))
      // Latency is a matter of both processors: at one connection nothing competes for them.
      for (const peer of order) useBothProcessors(peer, true)
      for (const peer of [DIRECT, ...order]) {
        push(single, peer.name, await load(peer, 1, Math.max(2, Math.floor(SECONDS / 2))))
      }
      for (const peer of order) useBothProcessors(peer, false)
    }
    const loads = [busy, single].flatMap((results) => results.get(gateway.name)!)
    await account(
      gateway,
      loads.reduce((sum, { requests }) => sum + requests, warm),
      65 * ROUNDS,
    )
    print('64 connections', busy)
    printThreads(busy)
    print('1 connection', single)
    printRatios(busy, single, peers)
    console.log(`resident memory after load: ${(residentBytes(gateway.pids().at(-1)!) / 1e6).toFixed(0)} MB`)
  } finally {
    for (const peer of peers) await peer.stop()
    await upstream.stop()
  }
}

/** The gateway's figures in those of each other program, of the same run. */
function printRatios(
  busy: ReadonlyMap<string, readonly Load[]>,
  single: ReadonlyMap<string, readonly Load[]>,
  peers: readonly Peer[],
): void {
  const ratios = (value: (one: Load) => number): string => {
    const middle = (name: string): number => median(busy.get(name)!.map(value))
    return peers
      .slice(1)
      .map(({ name }) => `${(middle('ongoingai') / middle(name)).toFixed(2)} × ${name}`)
      .join(', ')
  }
  console.log(`CPU per request: ${ratios(perRequest)} (figures: ≤ 5 × haproxy, ≤ 1.0 × go)`)
  console.log(`throughput on one core: ${ratios((one) => one.perSecond)} (figure: ≥ 15 × portkey)`)
  for (const share of ['p50Ms', 'p99Ms'] as const) {
    const wait = (name: string): number => median(single.get(name)!.map((result) => result[share]))
    const added = peers.map(({ name }) => `${name} ${(wait(name) - wait('direct')).toFixed(3)}`)
    console.log(`added latency ${share}: ${added.join(', ')} (figures: p50 ≤ 0.25, p99 ≤ 1)`)
  }
}

function perRequest({ cpu, requests }: Load): number {
  return micros(cpu) / requests
}

function push(results: Map<string, Load[]>, name: string, result: Load): void {
  results.set(name, [...(results.get(name) ?? []), result])
}

function print(title: string, results: ReadonlyMap<string, readonly Load[]>): void {
  console.log(
    `\n${title}: program, CPU µs per request, requests/s, p50 ms, p99 ms (median; every round behind it)`,
  )
  for (const [name, loads] of results) {
    const column = (value: (one: Load) => number, digits: number): string =>
      medianOf(loads.map(value), digits)
    console.log(
      `${name.padEnd(10)} ${column(perRequest, 1)}  ${column((l) => l.perSecond, 0)}  ${column((l) => l.p50Ms, 3)}  ${column((l) => l.p99Ms, 3)}`,
    )
  }
}

function printThreads(results: ReadonlyMap<string, readonly Load[]>): void {
  for (const [name, loads] of results) {
    const requests = loads.reduce((sum, one) => sum + one.requests, 0)
    console.log(
      `${name.padEnd(10)} by thread, µs per request: ${threadLine(
        loads.map(({ cpu }) => cpu),
        requests,
      )}`,
    )
  }
}
