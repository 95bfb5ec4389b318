import { join } from 'node:path'
import { account, recorded, startGateway } from './gateway.ts'
import { load } from './load.ts'
import { median, micros } from './measure.ts'
import { LOAD_CPU, PORTS, workFolder, type Peer } from './peers.ts'
import { HaproxyUnit } from './unit.ts'
import { startJsonUpstream } from './upstream.ts'

const STARTS = Number(process.env['BENCH_STARTS'] ?? 3)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 10)
const WARM_SECONDS = 12

/** What telemetry costs a request: one gateway with it off, one with all of it on, rounds interleaved. */
export async function telemetry(): Promise<void> {
  const upstream = await startJsonUpstream()
  const unit = await HaproxyUnit.start()
  const collector = await startCollector()
  const on = `observability: {otel: {enabled: true, endpoint: "http://127.0.0.1:${PORTS.collector}", prometheus_enabled: true}}\n`
  const all = new Map<string, number[]>()
  const ratios: number[] = []
  try {
    for (let start = 0; start < STARTS; start++) {
      const peers = [
        await startGateway('', { name: 'off', port: PORTS.gateway }),
        await startGateway(on, { name: 'on', port: PORTS.secondGateway }),
      ]
      const cpu = await measure(peers, unit)
      for (const [name, values] of cpu) all.set(name, [...(all.get(name) ?? []), ...values])
      ratios.push(median(cpu.get('on')!.map((value, round) => value / cpu.get('off')![round]!)))
    }
  } finally {
    collector.kill()
    await unit.stop()
    await upstream.stop()
  }
  for (const [name, values] of all) {
    console.log(
      `telemetry ${name.padEnd(4)} ${median(values).toFixed(1)} µs CPU a request${unit.times(median(values))} [${values.map((value) => value.toFixed(0)).join(' ')}]`,
    )
  }
  const by = ratios.map((ratio) => ratio.toFixed(2)).join(' ')
  console.log(`on / off: ${median(ratios).toFixed(2)} [by start ${by}] (figure: ≤ 1.5)`)
}

async function measure(peers: readonly Peer[], unit: HaproxyUnit): Promise<Map<string, number[]>> {
  const cpu = new Map<string, number[]>(peers.map(({ name }) => [name, []]))
  const sent = new Map<string, number>()
  try {
    for (const peer of peers) {
      await load(peer, 64, WARM_SECONDS)
      sent.set(peer.name, (await recorded(peer)).accepted)
    }
    for (let round = 0; round < ROUNDS; round++) {
      await unit.measure()
      for (const peer of round % 2 === 0 ? peers : [...peers].reverse()) {
        const { cpu: used, requests } = await load(peer, 64, 1)
        cpu.get(peer.name)!.push(micros(used) / requests)
        sent.set(peer.name, sent.get(peer.name)! + requests)
      }
    }
    for (const peer of peers) await account(peer, sent.get(peer.name)!, 65 * ROUNDS)
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
    `Bun.serve({ port: ${PORTS.collector}, hostname: '127.0.0.1', fetch: async (request) => (await request.arrayBuffer(), new Response('')) })`,
  )
  return Bun.spawn(['taskset', '-c', LOAD_CPU, process.execPath, script], {
    stdout: 'ignore',
    stderr: 'inherit',
  })
}
