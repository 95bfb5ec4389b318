import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { serveProgram, type GatewayProcess } from '../support/process.ts'
import { MAIN } from '../support/program.ts'
import { stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

const ROOT = join(import.meta.dir, '../..')
const TOKEN = 'rolling-upgrade-0123456789abcdef'

const git = (...words: string[]): string => {
  if (Bun.which('git') === null) return ''
  const { exitCode, stdout } = Bun.spawnSync(['git', ...words], { cwd: ROOT })
  return exitCode === 0 ? stdout.toString().trim() : ''
}

/** The version before: `TEST_UPGRADE_FROM`, or the last commit whose program was another; empty where there is no history. */
function versionBefore(): string {
  const given = process.env['TEST_UPGRADE_FROM']
  if (given) return given
  const changed = git('status', '--porcelain', '--', 'src') !== ''
  return git('log', '-2', '--format=%H', '--', 'src').split('\n')[changed ? 0 : 1] ?? ''
}

const before = versionBefore()
let folder: string
let oldMain: string
let server: TestPostgres
beforeAll(async () => {
  server = await openTestPostgres()
  folder = mkdtempSync(join(tmpdir(), 'ongoingai-before-'))
  oldMain = join(folder, 'src/main.ts')
  if (before === '') return
  const unpacked = Bun.spawnSync(['sh', '-c', `git -C "${ROOT}" archive ${before} | tar x -C "${folder}"`])
  expect([unpacked.exitCode, unpacked.stderr.toString()]).toEqual([0, ''])
  const lock = 'package-lock.json'
  if (readFileSync(join(folder, lock), 'utf8') === readFileSync(join(ROOT, lock), 'utf8'))
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  else expect(Bun.spawnSync(['npm', 'ci', '--no-audit', '--no-fund'], { cwd: folder }).exitCode).toBe(0)
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const settingsFor = (upstream: Upstream, dsn: string): string => `storage: {driver: postgres, dsn: "${dsn}"}
providers: {openai: {upstream: "${upstream.url}"}}
auth:
  enabled: true
  pepper: pepper-of-a-rolling-upgrade-0123456789
  keys: [{id: team, token: ${TOKEN}, org_id: acme, workspace_id: one, role: owner}]
limits:
  backend: postgres
  policies:
    - {name: rate, per: key, requests_per_minute: 1000000}
    - {name: money, per: workspace, budget: {cost_usd: 100000, period: month}}
`

const slowUpstream = (): Promise<Upstream> =>
  Upstream.start(
    stream(
      [
        'data: {"id":"c","model":"gpt-5.4-mini","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n',
        'data: {"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200}}\n\n',
        'data: [DONE]\n\n',
      ],
      { between: () => Bun.sleep(Math.random() * 60) },
    ),
  )

/** Sixteen clients behind a load balancer: they ask the gateways in rotation, one after the other. */
class Load {
  readonly rotation: string[]
  readonly traceIds: string[] = []
  /** What no client should see. */
  readonly strange: string[] = []
  /** Answers that came whole. */
  whole = 0
  /** Gateways that have been asked and have not begun to respond, by URL. */
  readonly #asked: string[] = []
  readonly #stop = new AbortController()
  readonly #clients: Promise<void>[]

  constructor(rotation: string[]) {
    this.rotation = rotation
    this.#clients = Array.from({ length: 16 }, (_, i) => this.#client(i))
  }

  /** Until some more answers have come whole. */
  async goOn(): Promise<void> {
    const from = this.whole
    await eventually(() => this.whole > from + 60)
  }

  /** Takes a gateway out of the rotation. Its responses may go on; what it was asked before has reached it. */
  async takeOut(index: number): Promise<void> {
    const [url] = this.rotation.splice(index, 1)
    await eventually(() => !this.#asked.includes(url!))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#clients)
  }

  async #client(number: number): Promise<void> {
    for (let i = number; !this.#stop.signal.aborted; i++) {
      const url = this.rotation[i % this.rotation.length]!
      this.#asked.push(url)
      try {
        const answer = await fetch(`${url}/openai/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: 'Bearer sk-test-0123456789', 'x-ongoingai-gateway-key': TOKEN },
          body: '{"model":"gpt-5.4-mini","stream":true,"messages":[]}',
        }).finally(() => this.#asked.splice(this.#asked.indexOf(url), 1))
        this.traceIds.push(answer.headers.get('x-ongoingai-trace-id') ?? '')
        const text = await answer.text()
        if (answer.status === 200 && text.endsWith('data: [DONE]\n\n')) this.whole += 1
        else this.strange.push(`${answer.status} ${text.slice(0, 200)}`)
      } catch (error) {
        this.strange.push(String((error as { code?: string }).code ?? error))
      }
    }
  }
}

/** Every request is there once, and costs what its trace says. */
async function holdToRecord(
  { traceIds, strange, whole }: Load,
  upstream: Upstream,
  dsn: string,
): Promise<void> {
  expect(strange).toEqual([])
  expect(upstream.requests.length).toBe(whole)
  const rows = (await server.query(dsn, 'SELECT id, cost_nano_usd FROM traces')) as {
    id: string
    cost_nano_usd: string
  }[]
  expect(rows.map(({ id }) => id).sort()).toEqual(traceIds.toSorted())
  const cost = rows.reduce((sum, row) => sum + Number(row.cost_nano_usd), 0)
  expect(cost).toBeGreaterThan(0)
  const ledger = await server.query(
    dsn,
    'SELECT SUM(cost_nano_usd) AS cost, SUM(tokens) AS tokens FROM spend GROUP BY subject',
  )
  expect(ledger.length).toBe(3)
  for (const spent of ledger) expect(spent).toEqual({ cost: String(cost), tokens: String(1200 * whole) })
  console.log(`${whole} requests, ${rows.length} traces`)
}

// A checkout without history, or a machine without git, has no version before.
test.skipIf(before === '')(
  `two gateways on one PostgreSQL are replaced one after the other under load (from ${before.slice(0, 7)}): no request fails, none is missing, and the ledger is right`,
  async () => {
    const upstream = await slowUpstream()
    const dsn = await server.createDatabase()
    const settings = settingsFor(upstream, dsn)
    const first = await serveProgram(settings, undefined, { main: oldMain })
    let gateways = [first, await serveProgram(settings, undefined, { main: oldMain })]
    const load = new Load(gateways.map(({ url }) => url))
    await load.goOn()
    for (const [i, old] of gateways.entries()) {
      // Out of rotation first, as `docs/operations.md` says.
      await load.takeOut(i)
      old.kill('SIGTERM')
      expect(await old.exited()).toBe(0)
      const next = await old.restart(MAIN)
      gateways = gateways.with(i, next)
      load.rotation.splice(i, 0, next.url)
      await load.goOn()
    }
    await load.stop()
    await end(gateways)
    await holdToRecord(load, upstream, dsn)
    await upstream.stop()
  },
)

test('a load balancer that looks at /api/ready sees that a gateway will stop before it does: no client notices', async () => {
  const upstream = await slowUpstream()
  const dsn = await server.createDatabase()
  const settings = settingsFor(upstream, dsn)
  let gateways = await Promise.all(
    [1, 2].map(() => serveProgram(`server: {drain_delay_ms: 500}\n${settings}`)),
  )
  const load = new Load(gateways.map(({ url }) => url))
  const looking = new AbortController()
  const balancer = (async () => {
    while (!looking.signal.aborted) {
      const ready = await Promise.all(
        gateways.map(({ url }) =>
          fetch(`${url}/api/ready`).then(
            ({ ok }) => ok,
            () => false,
          ),
        ),
      )
      load.rotation.splice(0, 2, ...gateways.filter((_, i) => ready[i]).map(({ url }) => url))
      await Bun.sleep(50)
    }
  })()
  await load.goOn()
  for (const [i, old] of gateways.entries()) {
    old.kill('SIGTERM')
    expect(await old.exited()).toBe(0)
    gateways = gateways.with(i, await old.restart())
    await load.goOn()
  }
  await load.stop()
  looking.abort()
  await balancer
  await end(gateways)
  await holdToRecord(load, upstream, dsn)
  await upstream.stop()
})

async function end(gateways: readonly GatewayProcess[]): Promise<void> {
  for (const gateway of gateways) gateway.kill('SIGTERM')
  for (const gateway of gateways) {
    expect(await gateway.exited()).toBe(0)
    gateway.remove()
  }
}
