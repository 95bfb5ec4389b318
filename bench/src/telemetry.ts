import { join } from 'node:path'
import { load } from './load.ts'
import { median } from './measure.ts'
import { LOAD_CPU, recorded, startGateway, workFolder, type Peer } from './peers.ts'
import { startJsonUpstream } from './upstream.ts'

const STARTS = Number(process.env['BENCH_STARTS'] ?? 3)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 10)
const WARM_SECONDS = 12
const COLLECTOR_PORT = 9208

/** What telemetry costs a request: one gateway with it off, one with all of it on, rounds interleaved. */
export async function telemetry(): Promise<void> {
  const upstream = await startJsonUpstream()
  const collector = await startCollector()
  const on = `observability: {otel: {enabled: true, endpoint: "http://127.0.0.1:${COLLECTOR_PORT}", prometheus_enabled: true}}\n`
  const all = new Map<string, number[]>()
  const ratios: number[] = []
  try {
    for (let start = 0; start < STARTS; start++) {
      const peers = [
        await startGateway('', { name: 'off', port: 9203 }),
        await startGateway(on, { name: 'on', port: 9206 }),
      ]
      const cpu = await measure(peers)
      for (const [name, values] of cpu) all.set(name, [...(all.get(name) ?? []), ...values])
      ratios.push(median(cpu.get('on')!.map((value, round) => value / cpu.get('off')![round]!)))
    }
  } finally {
    collector.kill()
    await upstream.stop()
  }
  for (const [name, values] of all) {
    console.log(
      `telemetry ${name.padEnd(4)} ${median(values).toFixed(1)} µs CPU a request [${values.map((value) => value.toFixed(0)).join(' ')}]`,
    )
  }
  const by = ratios.map((ratio) => ratio.toFixed(2)).join(' ')
  console.log(`on / off: ${median(ratios).toFixed(2)} [by start ${by}] (figure: ≤ 1.5)`)
}

async function measure(peers: readonly Peer[]): Promise<Map<string, number[]>> {
  const cpu = new Map<string, number[]>(peers.map(({ name }) => [name, []]))
  const sent = new Map<string, number>()
  try {
    for (const peer of peers) {
      await load(peer, 64, WARM_SECONDS)
      sent.set(peer.name, (await recorded(peer)).accepted)
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
        const { cpuMicros, requests } = await load(peer, 64, 1)
        cpu.get(peer.name)!.push(cpuMicros / requests)
        sent.set(peer.name, sent.get(peer.name)! + requests)
      }
    }
    for (const peer of peers) {
      const { accepted, stored, dropped } = await recorded(peer)
      const uncounted = accepted - sent.get(peer.name)!
      if (uncounted < 0 || uncounted > 65 * ROUNDS || stored !== accepted || dropped > 0) {
        throw new Error(`${peer.name}: traces differ from requests: accepted ${accepted}, stored ${stored}`)
      }
    }
  } finally {
    for (const peer of peers) await peer.stop()
  }
  return cpu
}

/** A collector that takes everything and looks at nothing, on the load's processor. */
async function startCollector(): Promise<Bun.Subprocess> {
  const script = join(workFolder('collector'), 'collector.ts')
  await Bun.write(
    script,
    `Bun.serve({ port: ${COLLECTOR_PORT}, hostname: '127.0.0.1', fetch: async (request) => (await request.arrayBuffer(), new Response('')) })`,
  )
  return Bun.spawn(['taskset', '-c', LOAD_CPU, process.execPath, script], {
    stdout: 'ignore',
    stderr: 'inherit',
  })
}
