import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { balanced, pipeline } from '../support/pipeline.ts'
import { serveProgram, type GatewayProcess } from '../support/process.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

const USAGE = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 }

let upstream: Upstream
beforeAll(async () => {
  const answer = { model: 'gpt-5.4-mini', choices: [{ message: { content: 'hi' } }] }
  const reporting = respondJson({ ...answer, usage: USAGE })
  // What it used must be counted.
  const silent = respondJson(answer)
  upstream = await Upstream.start((request, socket) =>
    (request.field('x-answer') === 'silent' ? silent : reporting)(request, socket),
  )
})
afterAll(() => upstream.stop())

const settings = (more = ''): string => `providers: {openai: {upstream: "${upstream.url}"}}\n${more}`

async function send(
  gateway: GatewayProcess,
  answered: 'reporting' | 'silent',
  content: string,
): Promise<string> {
  const answer = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer sk-canary-0123456789abcdef',
      'x-answer': answered,
    },
    body: JSON.stringify({ model: 'gpt-5.4-mini', messages: [{ role: 'user', content }] }),
  })
  await answer.arrayBuffer()
  return answer.headers.get('x-ongoingai-trace-id')!
}

interface Stored {
  readonly id: string
  readonly total_tokens: number
  readonly cost_status: string
  readonly document: { readonly metadata: Record<string, unknown> }
  readonly body: Uint8Array | null
}

function stored(gateway: GatewayProcess): Map<string, Stored> {
  const database = new Database(join(gateway.folder, 'data/ongoingai.db'), { readonly: true })
  const rows = database
    .query<Omit<Stored, 'document'> & { document: string }, []>(
      'SELECT id, total_tokens, cost_status, document, coalesce(request_body, request_chunks) AS body FROM traces JOIN trace_details USING (seq) LEFT JOIN trace_bodies USING (seq)',
    )
    .all()
  database.close()
  return new Map(
    rows.map((row) => [row.id, { ...row, document: JSON.parse(row.document) as Stored['document'] }]),
  )
}

const journalFolder = (gateway: GatewayProcess): string => join(gateway.folder, 'data/journal')

function filesOf(gateway: GatewayProcess, kind: string): string[] {
  try {
    return readdirSync(journalFolder(gateway)).filter((name) => name.startsWith(kind))
  } catch {
    return []
  }
}

/** Text in which there is much to find. */
const hostile = (megabytes: number): string =>
  'mail ada.lovelace@example.com or 4111 1111 1111 1111; '.repeat(megabytes * 18_000)

async function stop(gateway: GatewayProcess): Promise<void> {
  gateway.kill('SIGTERM')
  expect(await gateway.exited()).toBe(0)
}

test('killed while a trace waits for the vocabulary, the gateway has it at the next start, estimated, and says so', async () => {
  const first = await serveProgram(settings())
  const id = await send(first, 'silent', 'How many tokens are these?')
  const quick = await send(first, 'reporting', 'Hello')
  await eventually(() => stored(first).has(quick))
  first.kill('SIGKILL')
  await first.exited()
  const second = await first.restart()
  await eventually(() => stored(second).size === 2)
  const trace = stored(second).get(id)!
  expect(trace).toMatchObject({ cost_status: 'estimated' })
  expect(trace.total_tokens).toBeGreaterThan(0)
  expect(filesOf(second, 'unfinished-')).toEqual([])
  expect(balanced(await pipeline(second))).toBe(true)
  await stop(second)
  second.remove()
})

test('killed while large bodies are looked through, the gateway has every exchange at the next start, once, without a content that was not looked through', async () => {
  const first = await serveProgram(
    settings('tracing: {capture_bodies: true, body_max_size: 4000000}\npii: {mode: redact_storage}\n'),
  )
  const text = hostile(2)
  const large: string[] = []
  for (let i = 0; i < 6; i++) large.push(await send(first, 'reporting', text))
  const quick = await send(first, 'reporting', 'Hello')
  // It did not wait for the others.
  await eventually(() => stored(first).has(quick))
  const done = stored(first).size - 1
  await eventually(() => filesOf(first, 'unfinished-').length > 0 || stored(first).size === 7)
  await Bun.sleep(100)
  first.kill('SIGKILL')
  await first.exited()
  for (const name of filesOf(first, 'unfinished-')) {
    const bytes = readFileSync(join(journalFolder(first), name), 'latin1')
    expect(bytes).not.toContain('lovelace')
    expect(bytes).not.toContain('sk-canary')
  }
  const second = await first.restart()
  await eventually(() => stored(second).size === 7)
  const traces = stored(second)
  const interrupted = large.filter((id) => traces.get(id)!.document.metadata['recording_interrupted'])
  console.log(`${done} of 6 were done when the quick one was stored, ${interrupted.length} were interrupted`)
  for (const id of large) {
    expect(traces.get(id)).toMatchObject({ total_tokens: 12, cost_status: 'exact' })
    expect(traces.get(id)!.body === null).toBe(interrupted.includes(id))
  }
  await stop(second)
  second.remove()
})

test('a body that takes long to look through holds up no other record, neither while the gateway runs nor when it stops', async () => {
  const gateway = await serveProgram(
    settings('tracing: {capture_bodies: true, body_max_size: 4000000}\npii: {mode: redact_storage}\n'),
  )
  const ids = [await send(gateway, 'reporting', `${'eyJ'.repeat(150_000)}.${'a'.repeat(450_000)}`)]
  for (let i = 0; i < 30; i++) ids.push(await send(gateway, 'reporting', 'Hello'))
  await eventually(() => ids.slice(1).every((id) => stored(gateway).has(id)))
  await stop(gateway)
  expect([...stored(gateway).keys()].sort()).toEqual(ids.sort())
  gateway.remove()
})

test.each(['once', 'twice'])(
  'told to stop %s with a queue of large bodies, the gateway loses nothing',
  async (times) => {
    const gateway = await serveProgram(
      settings('tracing: {capture_bodies: true, body_max_size: 4000000}\npii: {mode: redact_storage}\n'),
    )
    const text = hostile(1)
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, i) => send(gateway, i % 2 ? 'reporting' : 'silent', text)),
    )
    gateway.kill('SIGTERM')
    if (times === 'twice') {
      await eventually(() =>
        fetch(`${gateway.url}/api/live`).then(
          () => false,
          () => true,
        ),
      )
      gateway.kill('SIGTERM')
    }
    expect(await gateway.exited()).toBe(0)
    const again = await gateway.restart()
    await eventually(() => stored(again).size === 20)
    expect([...stored(again).keys()].sort()).toEqual(ids.sort())
    const interrupted = [...stored(again).values()].filter(
      ({ document }) => document.metadata['recording_interrupted'],
    )
    console.log(`${interrupted.length} of 20 without content`)
    expect(await pipeline(again)).toMatchObject({ quarantined_total: 0, write_dropped_total: 0 })
    await stop(again)
    again.remove()
  },
)

/** A gateway that was killed while its store was locked, so that what it recorded is in its journal. */
async function killedWithJournal(
  count: number,
  more = '',
): Promise<{ gateway: GatewayProcess; ids: string[] }> {
  const gateway = await serveProgram(settings(more))
  await send(gateway, 'reporting', 'first')
  await eventually(() => stored(gateway).size === 1)
  const locker = new Database(join(gateway.folder, 'data/ongoingai.db'))
  locker.run('BEGIN IMMEDIATE')
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(await send(gateway, 'reporting', `${i}`))
  await eventually(async () => (await pipeline(gateway)).journal_records === count)
  gateway.kill('SIGKILL')
  await gateway.exited()
  locker.run('ROLLBACK')
  locker.close()
  return { gateway, ids }
}

test('a damaged journal costs the record that is damaged; the others are stored, and the file is kept and counted', async () => {
  const { gateway, ids } = await killedWithJournal(20)
  const [name] = filesOf(gateway, 'journal-')
  const path = join(journalFolder(gateway), name!)
  const bytes = readFileSync(path)
  bytes[bytes.indexOf(`"id":"${ids[7]}"`) + 3]! ^= 0x20
  writeFileSync(path, bytes)
  const next = await gateway.restart()
  await eventually(() => stored(next).size === 20)
  expect(ids.filter((id) => !stored(next).has(id))).toEqual([ids[7]!])
  const d = await pipeline(next)
  expect(d).toMatchObject({
    enqueue_accepted_total: 20,
    stored_total: 19,
    quarantined_total: 1,
    journal_records: 0,
  })
  expect(balanced(d)).toBe(true)
  expect(filesOf(next, 'quarantine-journal-')).toHaveLength(1)
  expect(next.output().split('a journal segment is damaged')).toHaveLength(2)
  await stop(next)
  next.remove()
})

test('a journal whose process id has been used again is stored', async () => {
  const { gateway, ids } = await killedWithJournal(5)
  // As an earlier version would have named it, whose process id is that of this test now.
  const [name] = filesOf(gateway, 'journal-')
  const path = join(journalFolder(gateway), `journal-0000000001-${process.pid}.log`)
  renameSync(join(journalFolder(gateway), name!), path)
  const next = await gateway.restart()
  await eventually(() => ids.every((id) => stored(next).has(id)))
  await eventually(() =>
    next.output().includes('journal segments of a gateway that has ended were taken over'),
  )
  await stop(next)
  next.remove()
})

test('what a gateway leaves is stored by its neighbour, which goes on running', async () => {
  const first = await serveProgram(settings('tracing: {journal: {path: ./data/journal}}\n'))
  const second = await serveProgram(
    `${settings('tracing: {journal: {path: ./data/journal}}\n')}storage: {path: ./data/ongoingai.db}\n`,
    first.folder,
  )
  await send(first, 'reporting', 'first')
  await eventually(() => stored(first).size === 1)
  const locker = new Database(join(first.folder, 'data/ongoingai.db'))
  locker.run('PRAGMA busy_timeout = 5000')
  locker.run('BEGIN IMMEDIATE')
  const ids = [await send(first, 'reporting', 'a'), await send(first, 'reporting', 'b')]
  await eventually(async () => (await pipeline(first)).journal_records === 2)
  first.kill('SIGKILL')
  await first.exited()
  locker.run('ROLLBACK')
  locker.close()
  await eventually(() => ids.every((id) => stored(second).has(id)), 30_000)
  await eventually(async () => (await pipeline(second)).stored_total === 2)
  expect(balanced(await pipeline(second))).toBe(true)
  await eventually(() =>
    second.output().includes('journal segments of a gateway that has ended were taken over'),
  )
  await stop(second)
  second.remove()
})
