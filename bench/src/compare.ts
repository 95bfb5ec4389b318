import { buildRef, buildTree } from './build-ref.ts'
import { account, EXECUTABLE, LIMITS, startGateway, type Gateway, type GatewaySettings } from './gateway.ts'
import { load } from './load.ts'
import { median, medianOf, micros, quantile, threadLine, type CpuUse } from './measure.ts'
import { PORTS, startOther, type Peer } from './peers.ts'
import type { StreamApi } from './stream-events.ts'
import { streamRound } from './stream-round.ts'
import { StreamUpstream } from './stream-upstream.ts'
import { startJsonUpstream } from './upstream.ts'

/** Starts of both executables: two processes of one program differ, too. */
const STARTS = Number(process.env['BENCH_STARTS'] ?? 3)

/** Rounds of each start and case. */
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 6)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 8)
const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 20)

const CONNECTIONS = 64
const STREAM_LOAD = { streams: 100, intervalMs: 10 }
const TREE = 'tree'

/** What one program took in one round. */
interface Round {
  readonly cpu: CpuUse
  /** Requests or events that it took it for. */
  readonly count: number
  /** Requests that have a response, for the count of traces. */
  readonly requests: number
  /** Whether the load itself could not keep time. */
  readonly late: boolean
}

/** One load under one setting. */
interface Case {
  readonly name: string
  readonly thing: 'request' | 'event'
  readonly settings: GatewaySettings
  /** Requests that the load may leave under way at its end. */
  readonly cutOff: number
  run(peer: Peer, seconds: number): Promise<Round>
}

/** Loads that share an upstream, by the name that the command line has for them. */
const KINDS = {
  json: async () => ({ upstream: await startJsonUpstream(), cases: [jsonCase('off'), jsonCase('on')] }),
  streaming: async () => {
    const upstream = StreamUpstream.start()
    return {
      upstream,
      cases: [streamCase(upstream, 'chat_completions'), streamCase(upstream, 'messages')],
    }
  },
} as const

/** Rounds of each program, by its name. */
type Rounds = Map<string, Round[]>

/**
 * `compare REF [json|streaming]`: the executable of the working tree beside that of a commit, both built for this, in turns.
 *
 * @param words the words after `compare`
 * @throws on a bad word, a failed build, or when traces differ from requests
 */
export async function compare(words: readonly string[]): Promise<void> {
  const [ref, wanted] = words
  if (ref === undefined || (wanted !== undefined && !(wanted in KINDS)) || words.length > 2) {
    throw new Error('usage: compare REF [json|streaming]')
  }
  buildTree()
  const build = buildRef(ref)
  const interrupt = (): never => {
    build.remove()
    process.exit(130)
  }
  process.once('SIGINT', interrupt)
  try {
    for (const [kind, start] of Object.entries(KINDS)) {
      if (wanted !== undefined && kind !== wanted) continue
      const { upstream, cases } = await start()
      try {
        await measureKind(cases, ref, build.executable)
      } finally {
        await upstream.stop()
      }
    }
  } finally {
    process.off('SIGINT', interrupt)
    build.remove()
  }
}

async function measureKind(cases: readonly Case[], ref: string, executable: string): Promise<void> {
  const results = new Map<Case, Rounds[]>(cases.map((one) => [one, []]))
  const haproxy = await startOther('haproxy')
  try {
    for (let start = 0; start < STARTS; start++) {
      const gateways = [
        await startGateway('', { name: TREE, executable: EXECUTABLE }),
        await startGateway('', { name: ref, executable, port: PORTS.secondGateway }),
      ]
      try {
        await measureStart(gateways, haproxy, results)
      } finally {
        for (const gateway of gateways) await gateway.stop()
      }
    }
  } finally {
    await haproxy?.stop()
  }
  for (const [one, starts] of results) print(one, ref, starts)
}

/** Runs every case with two gateways that have just started, and counts their traces. */
async function measureStart(
  gateways: readonly Gateway[],
  haproxy: Peer | undefined,
  results: ReadonlyMap<Case, Rounds[]>,
): Promise<void> {
  const sent = new Map<string, { requests: number; cutOff: number }>()
  const run = async (one: Case, peer: Peer, seconds: number): Promise<Round> => {
    const round = await one.run(peer, seconds)
    const { requests, cutOff } = sent.get(peer.name) ?? { requests: 0, cutOff: 0 }
    sent.set(peer.name, { requests: requests + round.requests, cutOff: cutOff + one.cutOff })
    return round
  }
  for (const [one, starts] of results) {
    const rounds: Rounds = new Map()
    for (const gateway of gateways) {
      await gateway.configure(one.settings)
      await run(one, gateway, WARM_SECONDS)
    }
    for (let round = 0; round < ROUNDS; round++) {
      const order: readonly Peer[] = round % 2 === 0 ? gateways : gateways.toReversed()
      for (const peer of haproxy ? [...order, haproxy] : order) {
        rounds.set(peer.name, [...(rounds.get(peer.name) ?? []), await run(one, peer, SECONDS)])
      }
    }
    starts.push(rounds)
  }
  for (const gateway of gateways) {
    const { requests, cutOff } = sent.get(gateway.name)!
    await account(gateway, requests, cutOff)
  }
}

function jsonCase(limits: 'on' | 'off'): Case {
  return {
    name: `JSON requests, ${CONNECTIONS} connections, keys and limits ${limits}`,
    thing: 'request',
    settings: limits === 'on' ? { keys: true, settings: LIMITS } : { keys: false, settings: '' },
    cutOff: CONNECTIONS,
    run: async (peer, seconds) => {
      const { cpu, requests } = await load(peer, CONNECTIONS, seconds)
      return { cpu, requests, count: requests, late: false }
    },
  }
}

function streamCase(upstream: StreamUpstream, api: StreamApi): Case {
  const { streams, intervalMs } = STREAM_LOAD
  return {
    name: `${streams} streams, ${api}, an event every ${intervalMs} ms, keys on`,
    thing: 'event',
    settings: { keys: true, settings: '' },
    cutOff: 0,
    run: async (peer, seconds) => {
      const { cpu, events, lateMs } = await streamRound(upstream, peer, { api, ...STREAM_LOAD }, seconds)
      return { cpu, requests: streams, count: events, late: lateMs > intervalMs }
    },
  }
}

/** Prints every round, the medians, and the ratio of the two executables with its quartiles. */
function print({ name, thing }: Case, ref: string, starts: readonly Rounds[]): void {
  console.log(`\n${name}: CPU µs per ${thing}, median [rounds]; by thread`)
  const of = (program: string): Round[] => starts.flatMap((rounds) => rounds.get(program) ?? [])
  const each = ({ cpu, count }: Round): number => micros(cpu) / count
  const unit = median(of('haproxy').map(each))
  for (const program of [TREE, ref, 'haproxy']) {
    const rounds = of(program)
    if (rounds.length === 0) continue
    const values = rounds.map(each)
    const count = rounds.reduce((sum, round) => sum + round.count, 0)
    const times = Number.isNaN(unit) ? '' : ` = ${(median(values) / unit).toFixed(2)} × HAProxy`
    console.log(`${program.padEnd(10)} ${medianOf(values, 2)}${times}`)
    console.log(
      `${' '.repeat(10)} ${threadLine(
        rounds.map(({ cpu }) => cpu),
        count,
      )}`,
    )
  }
  const ratios = starts.map((rounds) =>
    rounds.get(TREE)!.map((round, i) => each(round) / each(rounds.get(ref)![i]!)),
  )
  const all = ratios.flat()
  const [low, high] = [0.25, 0.75].map((share) => quantile(all, share).toFixed(3))
  const byStart = ratios.map((values) => median(values).toFixed(3)).join(' ')
  console.log(
    `${TREE} / ${ref}: ${median(all).toFixed(3)}, half of ${all.length} pairs from ${low} to ${high} [by start ${byStart}]`,
  )
  const late = [TREE, ref].flatMap(of).filter((round) => round.late).length
  if (late > 0) console.log(`In ${late} rounds the load could not keep time: they measure the load.`)
}
