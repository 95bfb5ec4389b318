import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { balanced, pipeline } from '../support/pipeline.ts'
import { runProgram, serveProgram, type GatewayProcess } from '../support/process.ts'
import { respondJson, stream, Upstream } from '../support/upstream.ts'

const ANSWER = {
  id: 'c',
  model: 'gpt-5.4-mini',
  choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 },
}

let upstream: Upstream
beforeAll(async () => {
  upstream = await Upstream.start(respondJson(ANSWER))
})
afterAll(() => upstream.stop())

const settings = (): string => `providers: {openai: {upstream: "${upstream.url}"}}\n`

async function send(gateway: GatewayProcess): Promise<{ id: string; endedAt: number }> {
  const response = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"model":"gpt-5.4-mini","messages":[]}',
  })
  await response.text()
  return { id: response.headers.get('x-ongoingai-trace-id') ?? '', endedAt: performance.now() }
}

/** Keeps some requests under way until told to stop; returns every exchange that ended. */
function load(
  gateway: GatewayProcess,
  lanes: number,
  pauseMs = 0,
): { stop(): Promise<{ id: string; endedAt: number }[]> } {
  const ended: { id: string; endedAt: number }[] = []
  const state = { running: true }
  const work = Array.from({ length: lanes }, async () => {
    while (state.running) {
      try {
        ended.push(await send(gateway))
        if (pauseMs > 0) await Bun.sleep(pauseMs)
      } catch {
        return
      }
    }
  })
  return {
    async stop() {
      state.running = false
      await Promise.all(work)
      return ended
    },
  }
}

function storedIds(gateway: GatewayProcess): string[] {
  const database = new Database(join(gateway.folder, 'data/ongoingai.db'), { readonly: true })
  const rows = database.query<{ id: string }, []>('SELECT id FROM traces').all()
  database.close()
  return rows.map((row) => row.id)
}

test('a gateway killed under load has every exchange that ended more than the flush interval before, once', async () => {
  // The promise is the interval and what the system makes a thread wait: that is measured by how late our own timers are.
  const first = await serveProgram(`${settings()}tracing: {flush_interval_ms: 50}\n`)
  const running = load(first, 16, 10)
  let latestMs = 0
  for (const until = performance.now() + 1500; performance.now() < until;) {
    const at = performance.now()
    await Bun.sleep(5)
    latestMs = Math.max(latestMs, performance.now() - at - 5)
  }
  const killedAt = performance.now()
  first.kill('SIGKILL')
  const ended = await running.stop()
  await first.exited()
  const second = await first.restart()
  await eventually(async () => (await pipeline(second))['journal_records'] === 0)
  const stored = storedIds(second)
  expect(new Set(stored).size).toBe(stored.length)
  const due = ended.filter((exchange) => exchange.endedAt < killedAt - 100 - 4 * latestMs)
  expect(due.length).toBeGreaterThan(100)
  const missing = due.filter((exchange) => !stored.includes(exchange.id))
  expect(missing.length).toBe(0)
  second.kill('SIGTERM')
  expect(await second.exited()).toBe(0)
  second.remove()
}, 60_000)

test('killed again and again while it sums up and deletes, the store is whole and its sums are right', async () => {
  let gateway = await serveProgram(
    `${settings()}tracing: {capture_bodies: true}\npii: {mode: off}\nstorage: {retention: {bodies: {max_bytes: 2000}}}\n`,
  )
  for (let time = 0; time < 3; time++) {
    const running = load(gateway, 8)
    // Longer than the interval at which new traces are summed up.
    await Bun.sleep(2300)
    gateway.kill('SIGKILL')
    await running.stop()
    await gateway.exited()
    gateway = await gateway.restart()
  }
  await eventually(async () => (await pipeline(gateway))['journal_records'] === 0)
  await eventually(async () => {
    const state = await runProgram(['db', 'status', '--format', 'json'], { cwd: gateway.folder })
    const { traces, not_rolled_up } = JSON.parse(state.out) as { traces: number; not_rolled_up: number }
    return not_rolled_up < traces
  })
  gateway.kill('SIGTERM')
  await gateway.exited()
  const { status, out } = await runProgram(['db', 'check'], { cwd: gateway.folder })
  expect([status, out]).toEqual([0, expect.stringMatching(/^\d{3,} traces checked: all is well\n$/)])
  gateway.remove()
}, 60_000)

test('while the store is locked nothing is lost, serving goes on, and the equation holds throughout', async () => {
  const gateway = await serveProgram(settings())
  await send(gateway)
  const locker = new Database(join(gateway.folder, 'data/ongoingai.db'))
  locker.run('PRAGMA busy_timeout = 5000')
  const running = load(gateway, 8)
  await Bun.sleep(200)
  locker.run('BEGIN IMMEDIATE')
  for (let i = 0; i < 20; i++) {
    await Bun.sleep(100)
    expect(balanced(await pipeline(gateway))).toBe(true)
  }
  expect((await pipeline(gateway))['journal_records']).toBeGreaterThan(0)
  locker.run('ROLLBACK')
  locker.close()
  await Bun.sleep(500)
  const ended = await running.stop()
  await eventually(async () => (await pipeline(gateway))['stored_total'] === ended.length + 1)
  expect(await pipeline(gateway)).toMatchObject({
    journal_records: 0,
    write_dropped_total: 0,
    enqueue_dropped_total: 0,
  })
  expect(storedIds(gateway).length).toBe(ended.length + 1)
  gateway.kill('SIGTERM')
  expect(await gateway.exited()).toBe(0)
  gateway.remove()
}, 60_000)

test('a store that is deleted under the process costs no later exchange', async () => {
  const gateway = await serveProgram(settings())
  await send(gateway)
  await eventually(async () => (await pipeline(gateway))['stored_total'] === 1)
  rmSync(join(gateway.folder, 'data'), { recursive: true })
  const { id } = await send(gateway)
  await eventually(async () => (await pipeline(gateway))['stored_total'] === 2)
  expect(storedIds(gateway)).toEqual([id])
  expect((await fetch(`${gateway.url}/api/traces/${id}`)).status).toBe(200)
  gateway.kill('SIGTERM')
  await gateway.exited()
  gateway.remove()
}, 30_000)

test('a store that cannot be opened keeps serve from starting, with the reason', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-bad-'))
  writeFileSync(join(folder, 'not.db'), 'this is not a database, it only looks like a file')
  writeFileSync(join(folder, 'ongoingai.yaml'), 'storage: {path: ./not.db}\n')
  const { status, err } = await runProgram(['serve'], { cwd: folder })
  expect(status).toBe(1)
  expect(err).toContain(
    'failed to initialize sqlite storage: open sqlite database "./not.db": file is not a database',
  )
  rmSync(folder, { recursive: true, force: true })
})

test('thousands of streams, most of them left by their client, leave nothing open upstream and are all recorded with their outcome', async () => {
  const gateway = await serveProgram(settings())
  const pieces = Array.from(
    { length: 5 },
    (_, i) => `data: {"model":"gpt-5.4-mini","choices":[{"delta":{"content":"t${i}"}}]}\n\n`,
  )
  const whole = stream(pieces, { between: () => Bun.sleep(1) })
  // Never ends by itself: only a connection that is broken off frees it.
  const endless = stream(pieces, {
    between: (i, socket) =>
      i < 4 ? Bun.sleep(1) : new Promise((resolve) => socket.once('close', () => resolve())),
  })
  upstream.play = (request, socket) => (request.field('x-leave') ? endless : whole)(request, socket)
  const total = Number(process.env['ONGOINGAI_TEST_STREAMS'] ?? 2000)
  const lanes = 50
  const begun = { whole: 0, left: 0 }
  const lane = async (seed: number): Promise<void> => {
    let random = seed
    while (begun.whole + begun.left < total) {
      random = (random * 1_103_515_245 + 12_345) & 0x7fffffff
      const leave = random % 10 < 7
      begun[leave ? 'left' : 'whole'] += 1
      const abort = new AbortController()
      if (leave) setTimeout(() => abort.abort(), 1 + ((random >> 8) % 12))
      try {
        const response = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(leave ? { 'x-leave': '1' } : {}) },
          body: '{"model":"gpt-5.4-mini","stream":true,"messages":[]}',
          signal: abort.signal,
        })
        await response.text()
      } catch (error) {
        if (!leave) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i * 7919 + 1)))
  // While the gateway still runs: no answer is being given any more, and what is open is its pool of idle connections.
  await eventually(() => upstream.playing === 0)
  expect(upstream.sockets.size).toBeLessThanOrEqual(lanes)
  upstream.play = respondJson(ANSWER)
  const stored = (): Record<string, number> => {
    const database = new Database(join(gateway.folder, 'data/ongoingai.db'), { readonly: true })
    const rows = database
      .query<{ outcome: string; n: number }, []>('SELECT outcome, COUNT(*) AS n FROM traces GROUP BY outcome')
      .all()
    database.close()
    return Object.fromEntries(rows.map((row) => [row.outcome, row.n]))
  }
  // Exchanges of which something came before the client left, and was not counted.
  const unread = (): number => {
    const database = new Database(join(gateway.folder, 'data/ongoingai.db'), { readonly: true })
    const row = database
      .query<{ n: number }, []>(
        "SELECT COUNT(*) AS n FROM traces JOIN trace_details USING (seq) WHERE outcome = 'client_aborted' AND output_tokens = 0 AND document ->> '$.metadata.stream_chunks' > 0",
      )
      .get()
    database.close()
    return row!.n
  }
  // A client that left before its request had been sent never reached the upstream.
  const left = upstream.requests.filter((request) => request.field('x-leave')).length
  await eventually(() => {
    const { client_aborted = 0, completed = 0 } = stored()
    return client_aborted >= left && completed >= begun.whole
  }, 60_000)
  const outcomes = stored()
  expect(outcomes['completed']).toBe(begun.whole)
  expect(Object.keys(outcomes).sort()).toEqual(['client_aborted', 'completed'])
  expect(unread()).toBe(0)
  if (total > 2000)
    console.log('streams', begun, outcomes, 'connections left in the pool', upstream.sockets.size)
  gateway.kill('SIGTERM')
  expect(await gateway.exited()).toBe(0)
  gateway.remove()
}, 180_000)

test('300 requests are under way at once', async () => {
  const gateway = await serveProgram(settings())
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  let waiting = 0
  upstream.play = async (request, socket) => {
    waiting += 1
    await gate
    await respondJson(ANSWER)(request, socket)
  }
  const clients = [0, 1].map(() =>
    Bun.spawn([
      process.execPath,
      '-e',
      `await Promise.all(Array.from({length:150}, () => fetch(${JSON.stringify(`${gateway.url}/openai/v1/x`)}).then(r => r.text())))`,
    ]),
  )
  await eventually(() => waiting === 300)
  release()
  for (const client of clients) expect(await client.exited).toBe(0)
  gateway.remove()
}, 30_000)
