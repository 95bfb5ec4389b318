import { RedisClient } from 'bun'
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import pg from 'pg'
import {
  countPostgresQuestions,
  countRedisCommands,
  startDatabaseRelay,
  type DatabaseRelay,
} from '../support/database-relay.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt, type TestGateway } from '../support/gateway.ts'
import { openTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { REDIS_MISSING, startRedis, type TestRedis } from '../support/redis.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(30_000)

/** What one answer of the upstream costs: 10 × 0.15 + 5 × 0.6 USD per million tokens. */
const COST_USD = 0.000_004_5
const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
const PLAIN = respondJson({ id: 'x', model: 'gpt-4o-mini', usage: USAGE })
const TOKEN = 'key-token-0123456789abcdef'
const AUTH = `auth:
  enabled: true
  pepper: 0123456789abcdef0123456789abcdef
  keys: [{id: key-1, token: ${TOKEN}, org_id: org, workspace_id: ws, role: owner}]
`

const BACKENDS = ['postgres', ...(REDIS_MISSING === undefined ? ['redis'] : [])]

let upstream: Upstream
let postgres: TestPostgres
beforeAll(async () => {
  upstream = await Upstream.start(PLAIN)
  postgres = await openTestPostgres()
}, 60_000)
afterAll(async () => {
  await upstream.stop()
  await postgres?.stop()
}, 60_000)

async function ask({ url }: TestGateway): Promise<number> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-provider-0123456789',
      'X-OngoingAI-Gateway-Key': TOKEN,
    },
    body: '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}',
  })
  await response.arrayBuffer().catch(() => undefined)
  return response.status
}

interface Standing {
  readonly used: number
  /** Of budgets only. */
  readonly reserved?: number
}

/** Where limits stand; empty while the backend does not say so in time. */
async function standings({ url }: TestGateway): Promise<readonly Standing[]> {
  const response = await fetch(`${url}/api/limits`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } })
  return ((await response.json()) as { limits?: readonly Standing[] }).limits ?? []
}

async function standing(gateway: TestGateway): Promise<Standing> {
  return (await standings(gateway))[0]!
}

/** Whether everything that was let pass has been settled. */
async function settled(gateway: TestGateway): Promise<boolean> {
  const limits = await standings(gateway)
  return limits.length > 0 && limits.every(({ reserved = 0 }) => reserved === 0)
}

/** Two gateways that count together. */
async function pair(
  backend: string,
  limits: string,
): Promise<[TestGateway, TestGateway, TestRedis | undefined]> {
  const redis = backend === 'redis' ? await startRedis() : undefined
  const store =
    backend === 'postgres'
      ? `storage: {driver: postgres, dsn: "${await postgres.createMigratedDatabase()}"}\n`
      : ''
  const settings = `${store}${providersAt(upstream.url)}${AUTH}limits:\n  backend: ${backend}\n  backend_timeout_ms: 20000\n${redis ? `  redis_url: ${redis.url}\n  redis_namespace: pair\n` : ''}${limits}`
  return [await openGateway(settings), await openGateway(settings), redis]
}

/** A relay before a database, and the URL of the database behind it. @param closesAfterMs how long the end of a connection stays on its way */
async function relayTo(serverUrl: string, closesAfterMs = 0): Promise<[DatabaseRelay, string]> {
  const url = new URL(serverUrl)
  const counter =
    url.protocol === 'redis:' ? countRedisCommands : () => countPostgresQuestions('ongoingai_limits')
  const relay = await startDatabaseRelay(Number(url.port), { counter, closesAfterMs })
  url.port = String(relay.port)
  return [relay, url.href]
}

/** A gateway whose counters are behind a relay, with limits of every kind. */
async function relayed(backend: string): Promise<[TestGateway, DatabaseRelay, TestRedis | undefined]> {
  const redis = backend === 'redis' ? await startRedis() : undefined
  const [relay, url] = await relayTo(redis?.url ?? (await postgres.createMigratedDatabase()))
  const where = redis ? '' : `storage: {driver: postgres, dsn: "${url}"}\n`
  const gateway = await openGateway(
    `${where}${providersAt(upstream.url)}${AUTH}limits:
  backend: ${backend}
  backend_timeout_ms: 20000
${redis ? `  redis_url: ${url}\n` : ''}  per_key: {requests_per_minute: 1000, max_tokens_per_day: 1000000, max_cost_usd_per_day: 1}
  policies:
    - {name: tokens, per: workspace, tokens_per_minute: 100000}
    - {name: models, per: organization, split_by: model, budget: {cost_usd: 1, period: month}}
`,
  )
  return [gateway, relay, redis]
}

const budget = (usd: number, more = ''): string =>
  `  policies: [{name: money, per: workspace, budget: {cost_usd: ${usd.toFixed(9)}, period: month}${more}}]\n`

describe.each(BACKENDS)('two gateways on %s', (backend) => {
  test('128 streams at once against a budget of 100 requests: the right ones are refused, nothing is overspent', async () => {
    const [one, two, redis] = await pair(backend, budget(COST_USD * 102))
    upstream.play = stream(
      [
        'data: {"model":"gpt-4o-mini","choices":[{"delta":{"content":"hi"}}]}\n\n',
        `data: {"model":"gpt-4o-mini","choices":[],"usage":${JSON.stringify(USAGE)}}\n\n`,
        'data: [DONE]\n\n',
      ],
      { between: () => Bun.sleep(30) },
    )
    // Each learns what a request comes to.
    expect([await ask(one), await ask(two)]).toEqual([200, 200])
    await eventually(() => settled(one))
    const answers = await Promise.all(Array.from({ length: 128 }, (_, i) => ask(i % 2 === 0 ? one : two)))
    upstream.play = PLAIN
    const passed = answers.filter((status) => status === 200).length
    console.log(`${backend}: ${passed} of 128 streams passed a budget of 100`)
    expect(passed).toBe(100)
    expect(answers.filter((status) => status === 429)).toHaveLength(28)
    await eventually(() => settled(two))
    expect((await standing(two)).used).toBeCloseTo(COST_USD * 102, 9)
    expect([await ask(one), await ask(two)]).toEqual([429, 429])
    await Promise.all([one.stop(), two.stop(), redis?.stop()])
  }, 60_000)

  test.each([
    ['hard', 100],
    ['strict', 10],
  ])(
    '%s: 128 at once of which nothing is known: nothing is overspent, and what is reserved is reserved on both',
    async (enforcement, affordable) => {
      const terms = `cost_usd: ${(COST_USD * affordable).toFixed(9)}, period: month, enforcement: ${enforcement}`
      const [one, two, redis] = await pair(
        backend,
        `  max_wait_ms: 100\n  policies: [{name: money, per: workspace, budget: {${terms}}}]\n`,
      )
      const held = Promise.withResolvers<void>()
      let sent = 0
      upstream.play = async (request, socket) => {
        sent += 1
        await held.promise
        await PLAIN(request, socket)
      }
      const asked = Array.from({ length: 128 }, (_, i) => ask(i % 2 === 0 ? one : two))
      let refused = 0
      for (const answer of asked) void answer.then((status) => (refused += status === 429 ? 1 : 0))
      await eventually(() => refused === 127)
      expect(sent).toBe(1)
      held.resolve()
      expect((await Promise.all(asked)).filter((status) => status === 200)).toHaveLength(1)
      upstream.play = PLAIN
      await eventually(async () => (await settled(one)) && (await settled(two)))
      expect((await standing(two)).used).toBeCloseTo(COST_USD, 9)
      await Promise.all([one.stop(), two.stop(), redis?.stop()])
    },
  )

  test('however many limits there are, one question before a request is sent and one after its answer', async () => {
    const [gateway, relay, redis] = await relayed(backend)
    // The first one tells the backend what the ledger knows.
    expect(await ask(gateway)).toBe(200)
    await eventually(() => settled(gateway))
    const before = relay.asked()
    const held = Promise.withResolvers<void>()
    let sent = 0
    upstream.play = async (request, socket) => {
      sent += 1
      await held.promise
      await PLAIN(request, socket)
    }
    const answers = Array.from({ length: 10 }, () => ask(gateway))
    await eventually(() => sent === 10)
    expect(relay.asked() - before).toBe(10)
    held.resolve()
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]))
    upstream.play = PLAIN
    await eventually(() => relay.asked() - before === 20)
    await eventually(() => settled(gateway))
    await Promise.all([gateway.stop(), relay.stop(), redis?.stop()])
  })

  test('under a large budget nobody is refused, and what was spent is what the receipts say', async () => {
    const [one, two, redis] = await pair(backend, budget(1))
    const count = Number(process.env['TEST_LIMIT_REQUESTS'] ?? 500)
    const seen: number[] = []
    for (let i = 0; i < count; i++) seen.push(await ask(i % 2 === 0 ? one : two))
    expect(seen.filter((status) => status !== 200)).toEqual([])
    await eventually(() => settled(one))
    expect((await standing(one)).used).toBeCloseTo(COST_USD * count, 9)
    console.log(
      `${backend}: ${count} requests one after another, ${seen.filter((status) => status !== 200).length} refused`,
    )
    await Promise.all([one.stop(), two.stop(), redis?.stop()])
  }, 600_000)
})

test('what the recorder books in the middle of a question is missed by none', async () => {
  const dsn = await postgres.createMigratedDatabase()
  const gateway = await openGateway(
    `storage: {driver: postgres, dsn: "${dsn}"}\n${providersAt(upstream.url)}${AUTH}limits:\n  backend: postgres\n  backend_timeout_ms: 20000\n${budget(COST_USD)}`,
  )
  const cost = Math.round(COST_USD * 1e9)
  const nowUs = Date.now() * 1000
  // Settled, and spends the whole budget, but its trace is not stored yet.
  await postgres.query(
    dsn,
    `INSERT INTO limit_reservations VALUES ('workspace:org/ws', 'x', ${nowUs}, ${cost}, 15, true, ${nowUs / 1000 + 60_000})`,
  )
  const recorder = new pg.Client({ connectionString: postgres.superuserDsn(dsn) })
  await recorder.connect()
  await recorder.query('BEGIN; LOCK TABLE limit_reservations IN ACCESS EXCLUSIVE MODE')
  const asked = ask(gateway)
  await eventually(
    async () =>
      (
        await postgres.query(
          dsn,
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        )
      ).length > 0,
  )
  await recorder.query(`INSERT INTO spend VALUES ('workspace:org/ws', ${nowUs}, 'i', ${cost}, 15, 0, 0);
    DELETE FROM limit_reservations WHERE id = 'x'; COMMIT`)
  await recorder.end()
  expect(await asked).toBe(429)
  await gateway.stop()
})

describe('a database that breaks off in the middle of a question about limits', () => {
  test.each([
    ['allow', 200],
    ['deny', 503],
  ] as const)(
    '%s: %d, and the next is answered; nothing stays reserved, and what was spent is what the receipts say',
    async (policy, status) => {
      const dsn = await postgres.createMigratedDatabase()
      // The server says that it ends a connection, and the end itself comes later.
      const [relay, behind] = await relayTo(dsn, 300)
      const gateway = await openGateway(
        `storage: {driver: postgres, dsn: "${behind}"}\n${providersAt(upstream.url)}${AUTH}limits:\n  backend: postgres\n  backend_timeout_ms: 20000\n${budget(COST_USD * 100, `, on_backend_failure: ${policy}`)}`,
      )
      for (let i = 0; i < 5; i++) expect(await ask(gateway)).toBe(200)
      await eventually(() => settled(gateway))
      // Every question waits for this table, until the server ends those that wait.
      const holding = new pg.Client({ connectionString: postgres.superuserDsn(dsn) })
      await holding.connect()
      await holding.query('BEGIN; LOCK TABLE limit_reservations IN ACCESS EXCLUSIVE MODE')
      const asked = ask(gateway)
      const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`
      await eventually(async () => (await postgres.query(dsn, `SELECT 1 ${waiting}`)).length > 0)
      await postgres.query(dsn, `SELECT pg_terminate_backend(pid) ${waiting}`)
      await holding.query('ROLLBACK')
      await holding.end()
      expect(await asked).toBe(status)
      for (let i = 0; i < 5; i++) expect(await ask(gateway)).toBe(200)
      const passed = status === 200 ? 11 : 10
      await eventually(async () => {
        const { used, reserved } = await standing(gateway)
        return reserved === 0 && Math.abs(used - COST_USD * passed) < 1e-9
      })
      // The recorder's write may have been among those that waited: then it came later, out of the journal.
      await eventually(async () => {
        const [ledger] = await postgres.query(
          dsn,
          `SELECT SUM(cost_nano_usd) AS cost FROM spend WHERE subject LIKE 'workspace:%'`,
        )
        return Number(ledger!['cost']) === Math.round(COST_USD * passed * 1e9)
      })
      await Promise.all([gateway.stop(), relay.stop()])
    },
  )
})

describe.each(BACKENDS)('%s falls silent in the middle of its work', (backend) => {
  test('it is asked over new connections, and what was spent is what the receipts say', async () => {
    const redis = backend === 'redis' ? await startRedis() : undefined
    const dsn = await postgres.createMigratedDatabase()
    const [relay, url] = await relayTo(redis?.url ?? dsn)
    const gateway = await openGateway(
      `storage: {driver: postgres, dsn: "${redis ? dsn : url}"}\n${providersAt(upstream.url)}${AUTH}limits:
  backend: ${backend}
  backend_timeout_ms: 300
${redis ? `  redis_url: ${url}\n` : ''}${budget(COST_USD * 1000, ', on_backend_failure: deny')}`,
    )
    const asked: number[] = []
    const askAtOnce = async (): Promise<readonly number[]> => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => ask(gateway)))
      asked.push(...answers)
      return answers
    }
    // As many connections as there can be.
    await askAtOnce()
    await eventually(() => settled(gateway))
    relay.silence()
    expect(await askAtOnce()).toContain(503)
    await eventually(async () => (await askAtOnce()).every((status) => status === 200))
    expect(new Set([...(await askAtOnce()), ...(await askAtOnce())])).toEqual(new Set([200]))
    const passed = asked.filter((status) => status === 200).length
    await eventually(async () => {
      const [limit] = await standings(gateway)
      return limit?.reserved === 0 && Math.abs(limit.used - COST_USD * passed) < 1e-9
    }, 30_000)
    await Promise.all([gateway.stop(), relay.stop()])
    await redis?.stop()
  }, 60_000)
})

test('reports that take long do not keep limits from being checked', async () => {
  const dsn = await postgres.createMigratedDatabase()
  const gateway = await openGateway(
    `storage: {driver: postgres, dsn: "${dsn}"}\n${providersAt(upstream.url)}${AUTH}limits:\n  backend: postgres\n${budget(COST_USD * 100, ', on_backend_failure: deny')}`,
  )
  expect(await ask(gateway)).toBe(200)
  await eventually(() => settled(gateway))
  const holding = new pg.Client({ connectionString: postgres.superuserDsn(dsn) })
  await holding.connect()
  await holding.query('BEGIN; LOCK TABLE traces IN ACCESS EXCLUSIVE MODE')
  // As many as there are connections: one more would wait for one of them, and that not for ever.
  const reports = Array.from({ length: 10 }, () =>
    fetch(`${gateway.url}/api/traces`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } }),
  )
  const waiting = `SELECT count(*) AS reports FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE 'select%'`
  await eventually(async () => Number((await postgres.query(dsn, waiting))[0]!['reports']) === 10)
  for (let i = 0; i < 5; i++) expect(await ask(gateway)).toBe(200)
  await holding.query('ROLLBACK')
  await holding.end()
  expect(new Set((await Promise.all(reports)).map(({ status }) => status))).toEqual(new Set([200]))
  await gateway.stop()
})

test.skipIf(REDIS_MISSING !== undefined)(
  'while Redis is away, each policy says whether to let pass; when it is back, what was spent counts again',
  async () => {
    const [one, two, redis] = await pair('redis', budget(COST_USD * 40, ', on_backend_failure: allow'))
    for (let i = 0; i < 30; i++) expect(await ask(one)).toBe(200)
    await eventually(() => settled(one))
    const running = Promise.all(Array.from({ length: 50 }, () => ask(one)))
    await redis!.kill()
    expect(new Set(await running).isSubsetOf(new Set([200, 429]))).toBe(true)
    for (let i = 0; i < 10; i++) expect(await ask(one)).toBe(200)
    expect(one.lines.filter(({ message }) => message === 'limits cannot be checked')).toHaveLength(1)
    expect(
      (await fetch(`${one.url}/api/limits`, { headers: { 'X-OngoingAI-Gateway-Key': TOKEN } })).status,
    ).toBe(503)
    await redis!.start()
    // What Redis has forgotten is in the ledger of the store.
    await eventually(async () => (await ask(one)) === 429)
    expect((await standing(one)).used).toBeGreaterThanOrEqual(COST_USD * 40)
    await Promise.all([one.stop(), two.stop(), redis!.stop()])
  },
  60_000,
)

test.skipIf(REDIS_MISSING !== undefined)(
  'a policy that denies answers 503, in words and with a code',
  async () => {
    const redis = await startRedis()
    const gateway = await openGateway(
      `${providersAt(upstream.url)}${AUTH}limits:\n  backend: redis\n  redis_url: ${redis.url}\n  per_key: {requests_per_minute: 100}\n`,
    )
    expect(await ask(gateway)).toBe(200)
    await redis.kill()
    await eventually(async () => (await ask(gateway)) === 503)
    const [line] = gateway.lines.filter(
      ({ fields }) => fields['audit_reason'] === 'usage_limit_check_unavailable',
    )
    expect(line).toMatchObject({ message: 'audit gateway auth deny', fields: { status_code: 503 } })
    await redis.start()
    await eventually(async () => (await ask(gateway)) === 200)
    await gateway.stop()
    await redis.stop()
  },
  30_000,
)

test('keys of a store that is away count until they are stale, then nobody is let in on them', async () => {
  const dsn = await postgres.createMigratedDatabase()
  const settings = `storage: {driver: postgres, dsn: "${dsn}"}\n${providersAt(upstream.url)}${AUTH.replace('  pepper', '  max_staleness_ms: 6000\n  pepper')}`
  const gateway = await openGateway(settings)
  const made = await fetch(`${gateway.url}/api/gateway-keys`, {
    method: 'POST',
    headers: { 'X-OngoingAI-Gateway-Key': TOKEN, 'content-type': 'application/json' },
    body: '{}',
  })
  const { token } = (await made.json()) as { token: string }
  const call = async (key: string): Promise<number> => {
    const response = await fetch(`${gateway.url}/openai/v1/models`, {
      headers: { authorization: 'Bearer sk-provider-0123456789', 'X-OngoingAI-Gateway-Key': key },
    })
    return response.status
  }
  expect([await call(token), await call('nobody-knows-this-token')]).toEqual([200, 401])
  const name = new URL(dsn).pathname.slice(1)
  const outside = dsn.replace(name, 'postgres')
  await postgres.query(outside, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
  await postgres.query(
    outside,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
  )
  expect(await call(token)).toBe(200)
  await eventually(async () => (await call(token)) === 503)
  // The key of the file does not depend on the store; a key that is not known may be one of its keys.
  expect([await call(TOKEN), await call('nobody-knows-this-token')]).toEqual([200, 503])
  await postgres.query(outside, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
  await eventually(async () => (await call(token)) === 200)
  expect(await call('nobody-knows-this-token')).toBe(401)
  await gateway.stop()
}, 60_000)

describe.skipIf(REDIS_MISSING !== undefined)('several installations on one Redis', () => {
  const oneRequest = (redis: TestRedis, more = ''): string =>
    `${providersAt(upstream.url)}${AUTH}limits:
  backend: redis
  backend_timeout_ms: 20000
  redis_url: ${redis.url}
${more}  policies: [{name: one, per: workspace, requests_per_minute: 1, budget: {cost_usd: 1}}]
`
  const namesIn = async (redis: TestRedis): Promise<string[]> => {
    const client = new RedisClient(redis.url)
    const names = (await client.send('KEYS', ['*'])) as string[]
    client.close()
    return names
  }
  const prefixes = (names: readonly string[]): string[] => [
    ...new Set(names.map((name) => name.slice(0, name.indexOf('}') + 2))),
  ]

  test('count apart, and a store that is opened again goes on where it was', async () => {
    const redis = await startRedis()
    const [one, two] = [await openGateway(oneRequest(redis)), await openGateway(oneRequest(redis))]
    expect([await ask(one), await ask(two)]).toEqual([200, 200])
    expect([await ask(one), await ask(two)]).toEqual([429, 429])
    const again = await openGateway(
      `storage: {path: ${one.folder}/data/traces.db}\ntracing: {journal: {path: ${one.folder}/other}}\n${oneRequest(redis)}`,
    )
    expect(await ask(again)).toBe(429)
    const begin = prefixes(await namesIn(redis))
    expect(begin).toHaveLength(2)
    for (const prefix of begin) expect(prefix).toMatch(/^\{ongoingai:[0-9a-f-]{36}\}:$/)
    await Promise.all([again.stop(), two.stop()])
    await one.stop()
    await redis.stop()
  })

  test('gateways of one PostgreSQL count together, whatever is said of a namespace', async () => {
    const redis = await startRedis()
    const store = `storage: {driver: postgres, dsn: "${await postgres.createMigratedDatabase()}"}\n`
    const [one, two] = [
      await openGateway(`${store}${oneRequest(redis)}`),
      await openGateway(`${store}${oneRequest(redis)}`),
    ]
    expect([await ask(one), await ask(two)]).toEqual([200, 429])
    await Promise.all([one.stop(), two.stop(), redis.stop()])
  })

  test('with one namespace count together; with that of earlier versions under their names', async () => {
    const redis = await startRedis()
    const named = '  redis_namespace: ongoingai\n'
    const [one, two] = [
      await openGateway(oneRequest(redis, named)),
      await openGateway(oneRequest(redis, named)),
    ]
    expect([await ask(one), await ask(two)]).toEqual([200, 429])
    expect(prefixes(await namesIn(redis))).toEqual(['{ongoingai}:'])
    await Promise.all([one.stop(), two.stop(), redis.stop()])
  })
})
