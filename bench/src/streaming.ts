import { join } from 'node:path'
import { cpuMicros, median, residentBytes } from './measure.ts'
import { DIRECT, recorded, startGateway, startNginx, type Peer } from './peers.ts'
import { startStreamUpstream } from './upstream.ts'

const ROUNDS = 3
const EVENTS = 200

/** Streams as people see them: a hundred milliseconds between events. */
const SLOW_EVENTS = 60
const SLOW_INTERVAL_MS = 100

interface Seen {
  readonly events: number
  readonly complete: number
  readonly failed: number
  readonly firstP50: number
  readonly firstP99: number
  readonly firstMax: number
}

/** Streams: processor time per event, added time to the first one, many at once; rounds interleaved with nginx. */
export async function streaming(): Promise<void> {
  const upstream = await startStreamUpstream(EVENTS, 10)
  const gateway = await startGateway()
  const nginx = await startNginx()
  const costs = new Map<string, number[]>()
  const firsts = new Map<string, number[]>()
  let sent = 0
  try {
    for (const peer of [gateway, nginx]) await read(peer, 50)
    sent += 50
    for (let round = 0; round < ROUNDS; round++) {
      const order = round % 2 === 0 ? [gateway, nginx] : [nginx, gateway]
      for (const peer of order) {
        const before = cpu(peer)
        const seen = await read(peer, 200)
        if (peer === gateway) sent += 200
        costs.set(peer.name, [...(costs.get(peer.name) ?? []), (cpu(peer) - before) / seen.events])
      }
      for (const peer of [DIRECT, ...order]) {
        const seen = await read(peer, 20)
        if (peer === gateway) sent += 20
        firsts.set(peer.name, [...(firsts.get(peer.name) ?? []), seen.firstP50])
      }
    }
    console.log('\nstreams: CPU µs per event (median; every round behind it)')
    for (const [name, values] of costs) console.log(`${name.padEnd(10)} ${show(values, 2)}`)
    const ratio = median(costs.get('ongoingai')!) / median(costs.get('nginx')!)
    console.log(`CPU per event: ${ratio.toFixed(2)} × nginx (figure: ≤ 2)`)
    console.log('first event, p50 ms of 20 streams (the upstream itself waits up to 10 ms)')
    for (const [name, values] of firsts) console.log(`${name.padEnd(10)} ${show(values, 2)}`)
    await account(gateway, sent)
  } finally {
    for (const peer of [gateway, nginx]) await peer.stop()
    await upstream.stop()
  }
  await manyStreams()
}

/** Many streams at once, as slow as people see them, through a gateway that has just started. */
async function manyStreams(): Promise<void> {
  const upstream = await startStreamUpstream(SLOW_EVENTS, SLOW_INTERVAL_MS)
  const gateway = await startGateway()
  let sent = 0
  try {
    for (const streams of [1000, 2000]) {
      const memory = watchMemory(gateway)
      const seen = await read(gateway, streams)
      sent += streams
      console.log(
        `${streams} slow streams at once (an event every ${SLOW_INTERVAL_MS} ms): ${seen.events} events, ${seen.complete} complete, ${seen.failed} failed, first event p50 ${seen.firstP50.toFixed(0)} ms, p99 ${seen.firstP99.toFixed(0)} ms, max ${seen.firstMax.toFixed(0)} ms; resident at most ${(memory() / 1e6).toFixed(0)} MB`,
      )
      if (seen.complete !== streams || seen.events !== streams * (SLOW_EVENTS + 3))
        throw new Error('events are missing')
    }
    await account(gateway, sent)
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
}

async function account(gateway: Peer, sent: number): Promise<void> {
  const { accepted, stored, dropped } = await recorded(gateway)
  if (accepted !== sent || stored !== sent || dropped > 0) {
    throw new Error(
      `traces differ from requests: sent ${sent}, accepted ${accepted}, stored ${stored}, dropped ${dropped}`,
    )
  }
  console.log(`traces ${stored} = requests ${sent}`)
}

async function read(peer: Peer, streams: number): Promise<Seen> {
  const script = join(import.meta.dir, 'stream-client.ts')
  const words = [
    'taskset',
    '-c',
    '1',
    process.execPath,
    script,
    peer.url,
    String(streams),
    JSON.stringify(peer.headers),
  ]
  const client = Bun.spawn(words, { stdout: 'pipe', stderr: 'inherit' })
  return JSON.parse(await new Response(client.stdout).text()) as Seen
}

function cpu(peer: Peer): number {
  return peer.pids().reduce((sum, pid) => sum + cpuMicros(pid), 0)
}

function watchMemory(peer: Peer): () => number {
  let most = 0
  const pid = peer.pids().at(-1)!
  const timer = setInterval(() => (most = Math.max(most, residentBytes(pid))), 50)
  return () => {
    clearInterval(timer)
    return most
  }
}

function show(values: readonly number[], digits: number): string {
  return `${median(values).toFixed(digits)} [${values.map((value) => value.toFixed(digits)).join(' ')}]`
}
