import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuMicros, median, residentBytes } from './measure.ts'
import { recorded, startGateway, startHaproxy, startPortkey, workFolder, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

const ROUNDS = 3
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8)

interface Load {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuMicros: number
}

/** One proxied JSON request: processor time, throughput on one processor, added latency; rounds interleaved. */
export async function overhead(): Promise<void> {
  const upstream = await startJsonUpstream()
  const gateway = await startGateway()
  const peers: Peer[] = [gateway, await startHaproxy(), await startPortkey()]
  const direct: Peer = {
    name: 'direct',
    url: 'http://127.0.0.1:9201',
    headers: {},
    pids: () => [],
    stop: async () => {},
  }
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
      for (const peer of [direct, ...order]) {
        const result = await load(peer, 1, Math.max(2, SECONDS / 2))
        push(single, peer.name, result)
        if (peer === gateway) sent += result.requests
      }
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

async function load(peer: Peer, connections: number, seconds: number): Promise<Load> {
  const script = join(workFolder('wrk'), `${peer.name}.lua`)
  const headers = {
    'Content-Type': 'application/json',
    Authorization: 'Bearer sk-bench-0123456789',
    ...peer.headers,
  }
  writeFileSync(
    script,
    `wrk.method="POST"
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers["${name}"]="${value}"`)
  .join('\n')}
wrk.body='{"model":"gpt-5.4-mini","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Say hello and tell me something that is long enough to be a realistic prompt for a small request."}],"temperature":0.2}'
done = function(summary, latency) io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout)) end
`,
  )
  const pids = peer.pids()
  const before = pids.reduce((sum, pid) => sum + cpuMicros(pid), 0)
  const wrk = Bun.spawn(
    [
      'taskset',
      '-c',
      '1',
      'wrk',
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--latency',
      '-s',
      script,
      `${peer.url}/v1/chat/completions`,
    ],
    { stdout: 'pipe', stderr: 'inherit' },
  )
  const output = await new Response(wrk.stdout).text()
  const after = pids.reduce((sum, pid) => sum + cpuMicros(pid), 0)
  const found = /RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)/.exec(output)
  if (!found || found[5] !== '0') throw new Error(`${peer.name}: ${output}`)
  const [requests, micros, p50, p99] = found.slice(1).map(Number) as [number, number, number, number]
  return {
    requests,
    perSecond: (requests / micros) * 1e6,
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    cpuMicros: after - before,
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
