import { Clients } from './clients.ts'
import { account, startGateway } from './gateway.ts'
import { BODY } from './load.ts'
import { median, medianOf, meter, micros } from './measure.ts'
import { startJsonUpstream } from './upstream.ts'

/** Starts of the gateway: compiled code differs between them. */
const STARTS = Number(process.env['BENCH_STARTS'] ?? 3)

const WARM_SECONDS = Number(process.env['BENCH_WARM_SECONDS'] ?? 15)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 16)

/** How long one side is asked before it is the other one's turn. */
const TURN_MS = 1000

/** What a name with one healthy target costs a request more than a provider's own route, which passes it as it came. */
export async function oneTarget(): Promise<void> {
  const upstream = await startJsonUpstream()
  try {
    const more: number[] = []
    for (let start = 0; start < STARTS; start++) more.push(await measureStart())
    console.log(`a name with one target: ${medianOf(more, 2)} µs CPU a request more (figure: ≤ 3)`)
  } finally {
    await upstream.stop()
  }
}

/** @returns the median of all pairs of turns, in microseconds of CPU a request */
async function measureStart(): Promise<number> {
  const gateway = await startGateway(
    'models: [{name: fast, targets: [{provider: openai, model: gpt-5.4-mini}]}]\n',
  )
  const asIs = await Clients.open(gateway)
  const root = { ...gateway, url: gateway.url.replace(/\/openai$/, '') }
  const named = await Clients.open(root, gateway.headers, BODY.replace('"gpt-5.4-mini"', '"fast"'))
  const turn = async (clients: Clients): Promise<number> => {
    const before = clients.responses
    const used = meter(gateway.pids())
    await clients.run(TURN_MS)
    // What the recorder does of it a little later is part of it.
    await gateway.settle()
    return micros(used()) / (clients.responses - before)
  }
  try {
    for (const clients of [asIs, named]) await clients.run(WARM_SECONDS * 500)
    const pairs: (readonly [number, number])[] = []
    for (let i = 0; i < SECONDS / 2; i++) {
      const [first, second] = i % 2 === 0 ? [asIs, named] : [named, asIs]
      const [one, two] = [await turn(first), await turn(second)]
      pairs.push(i % 2 === 0 ? [one, two] : [two, one])
    }
    await account(gateway, asIs.responses + named.responses)
    const differences = pairs.map(([plain, routed]) => routed - plain)
    console.log(
      `as it is ${medianOf(
        pairs.map(([plain]) => plain),
        1,
      )}`,
    )
    console.log(
      `by name  ${medianOf(
        pairs.map(([, routed]) => routed),
        1,
      )}`,
    )
    console.log(`more     ${medianOf(differences, 1)}`)
    return median(differences)
  } finally {
    asIs.close()
    named.close()
    await gateway.stop()
  }
}
