import { account, startGateway, type Gateway } from './gateway.ts'
import { median, medianOf, quantile, residentBytes } from './measure.ts'
import { DIRECT, startOthers, useBothProcessors, type Peer } from './peers.ts'
import { Streams } from './stream-client.ts'
import type { StreamApi } from './stream-events.ts'
import { printStreamRounds, streamRound, type StreamLoad, type StreamRound } from './stream-round.ts'
import { StreamUpstream } from './stream-upstream.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 4)
const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 15)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8)
const STREAMS = numbers('BENCH_STREAMS', [100, 1000])
const INTERVALS_MS = numbers('BENCH_INTERVALS_MS', [10, 20])
const APIS: readonly StreamApi[] = ['chat_completions', 'messages']

/** Streams that are opened one after the other, for the time to their first event. */
const SINGLE = 200

/** Streams as people see them: a hundred milliseconds between events. */
const SLOW = { events: 60, intervalMs: 100 }

/** Streams: processor time and delay of each event, time to the first one, memory of many at once; in turns with other proxies. */
export async function streaming(): Promise<void> {
  const upstream = StreamUpstream.start()
  const gateway = await startGateway()
  const others = await startOthers(['haproxy', 'nginx', 'go', 'bun'])
  const peers = [gateway, ...others]
  let sent = 0
  try {
    for (const peer of peers) {
      for (const api of APIS)
        await streamRound(upstream, peer, { api, streams: 50, intervalMs: 10 }, WARM_SECONDS)
    }
    sent += 50 * APIS.length
    for (const streams of STREAMS) {
      for (const intervalMs of INTERVALS_MS) {
        for (const api of APIS) {
          await compareEvents(upstream, peers, { api, streams, intervalMs })
          sent += streams * ROUNDS
        }
      }
    }
    await firstEvents(upstream, peers)
    sent += SINGLE * ROUNDS
    await account(gateway, sent)
  } finally {
    for (const peer of peers) await peer.stop()
  }
  try {
    await manyStreams(upstream)
  } finally {
    upstream.stop()
  }
}

async function compareEvents(
  upstream: StreamUpstream,
  peers: readonly Peer[],
  load: StreamLoad,
): Promise<void> {
  console.log(
    `\n${load.streams} streams, ${load.api}, an event every ${load.intervalMs} ms, each written alone`,
  )
  const rounds = new Map<string, StreamRound[]>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of [DIRECT, ...inTurn(peers, round)]) {
      const result = await toleratingOthers(peer, () => streamRound(upstream, peer, load, SECONDS))
      if (result) push(rounds, peer.name, result)
    }
  }
  printStreamRounds(rounds, load)
  const cost = (name: string): number => median((rounds.get(name) ?? []).map((one) => one.microsPerEvent))
  const ratios = peers.slice(1).map(({ name }) => `${(cost('ongoingai') / cost(name)).toFixed(2)} × ${name}`)
  console.log(`CPU per event: ${ratios.join(', ')} (figures: ≤ 1.7 × nginx, ≤ 1.0 × go)`)
}

/** One stream at a time, on both processors as with one connection: what a program adds to the first event. */
async function firstEvents(upstream: StreamUpstream, peers: readonly Peer[]): Promise<void> {
  const p50 = new Map<string, number[]>()
  const p99 = new Map<string, number[]>()
  upstream.plan({ events: 2, intervalMs: 1 })
  for (const peer of peers) useBothProcessors(peer, true)
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of [DIRECT, ...inTurn(peers, round)]) {
      const firstMs: number[] = []
      for (let i = 0; i < SINGLE; i++) {
        const ms = await toleratingOthers(peer, () => firstEvent(upstream, peer))
        if (ms !== undefined) firstMs.push(ms)
      }
      push(p50, peer.name, quantile(firstMs, 0.5))
      push(p99, peer.name, quantile(firstMs, 0.99))
    }
  }
  for (const peer of peers) useBothProcessors(peer, false)
  console.log(`\nfirst event of ${SINGLE} streams, one at a time: p50 ms [rounds], p99 ms [rounds]`)
  for (const name of p50.keys()) {
    console.log(`${name.padEnd(10)} ${medianOf(p50.get(name)!, 3)}  ${medianOf(p99.get(name)!, 3)}`)
  }
  const added = median(p99.get('ongoingai')!) - median(p99.get('direct')!)
  console.log(`added to the first event, p99: ${added.toFixed(3)} ms (figure: ≤ 1)`)
}

/** Milliseconds from the request to the first event, on a connection that is open. */
async function firstEvent(upstream: StreamUpstream, peer: Peer): Promise<number> {
  const streams = await Streams.open(peer, 'chat_completions', 1, 2)
  await streams.begin()
  upstream.release()
  await streams.ended()
  return streams.firstMs[0]!
}

/** Many streams at once, as slow as people see them, through a gateway that has just started. */
async function manyStreams(upstream: StreamUpstream): Promise<void> {
  const gateway = await startGateway()
  let sent = 0
  try {
    for (const count of [1000, 2000]) {
      const mostBytes = watchMemory(gateway)
      upstream.plan(SLOW)
      const streams = await Streams.open(gateway, 'chat_completions', count, SLOW.events)
      await streams.begin()
      upstream.release()
      await streams.ended()
      sent += count
      const first = [0.5, 0.99, 1].map((share) => quantile(streams.firstMs, share).toFixed(0)).join(', ')
      console.log(
        `${count} streams at once, an event every ${SLOW.intervalMs} ms: all ${streams.delaysMs.length} events delivered, first event p50, p99, max ${first} ms; resident at most ${(mostBytes() / 1e6).toFixed(0)} MB (figure at 1000: ≤ 150)`,
      )
    }
    await account(gateway, sent)
  } finally {
    await gateway.stop()
  }
}

/** Lets another program fail, which is printed: what fails is left out. The gateway must not. */
async function toleratingOthers<T>(peer: Peer, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    if (peer === DIRECT || peer.name === 'ongoingai') throw error
    console.log(`left out: ${(error as Error).message}`)
    return undefined
  }
}

function watchMemory(gateway: Gateway): () => number {
  let most = 0
  const pid = gateway.pids().at(-1)!
  const timer = setInterval(() => (most = Math.max(most, residentBytes(pid))), 50)
  return () => {
    clearInterval(timer)
    return most
  }
}

function inTurn(peers: readonly Peer[], round: number): readonly Peer[] {
  return round % 2 === 0 ? peers : peers.toReversed()
}

function push<T>(all: Map<string, T[]>, name: string, value: T): void {
  all.set(name, [...(all.get(name) ?? []), value])
}

/** Numbers from the environment, separated by spaces or commas. */
function numbers(variable: string, otherwise: readonly number[]): readonly number[] {
  const value = process.env[variable]
  return value === undefined ? otherwise : value.split(/[ ,]+/).map(Number)
}
