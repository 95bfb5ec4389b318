// Keeps the present schema as a fixture of later versions' tests: `TEST_POSTGRES_URL=… bun scripts/keep-schema.ts`.
// To be run before a migration is added. A gateway fills a store as it does, and the store is written down:
// `test/fixtures/schemas/<newest migration>.db.gz` for SQLite, of the server in TEST_POSTGRES_URL (`pg_dump` on the path) `.sql.gz`,
// and `.journal.gz` of what waited while there was none.
import { Database } from 'bun:sqlite'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { MIGRATIONS } from '../src/storage/migrations/migrations.ts'
import { freePort } from '../test/support/free-port.ts'
import { OTHER, OWNER, PEPPER, STORED } from '../test/fixtures/schema-keys.ts'

const root = resolve(import.meta.dir, '..')
const program = join(root, 'src/main.ts')
const fixtures = join(root, 'test/fixtures/schemas')
mkdirSync(fixtures, { recursive: true })

const upstream = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    const { stream, model } = (await request.json()) as { stream?: boolean; model: string }
    if (model === 'gpt-5.4-broken')
      return Response.json({ error: { message: 'overloaded' } }, { status: 503 })
    if (!stream)
      return Response.json({
        id: 'chatcmpl-1',
        object: 'chat.completion',
        model,
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Good day.' } }],
        usage: {
          prompt_tokens: 1200,
          completion_tokens: 34,
          total_tokens: 1234,
          prompt_tokens_details: { cached_tokens: 1024 },
        },
      })
    const events = [
      ['message_start', { message: { id: 'msg_1', model, usage: { input_tokens: 21, output_tokens: 1 } } }],
      ['content_block_start', { index: 0, content_block: { type: 'text', text: '' } }],
      ['content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hello' } }],
      ['content_block_stop', { index: 0 }],
      ['message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 8 } }],
      ['message_stop', {}],
    ] as const
    return new Response(
      events.map(([type, more]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`).join(''),
      { headers: { 'content-type': 'text/event-stream' } },
    )
  },
})

/**
 * Fills a store as a day's work would: answers of two dialects, an error, two tenants, bodies, tags, a stored key. One that is away gets
 * nothing: it all waits in the journal.
 */
async function fill(storage: string, away = false): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-schema-'))
  const port = await freePort()
  const settings = `server: {port: ${port}}
storage: ${storage.replaceAll('FOLDER', folder)}
providers: {openai: {upstream: "${upstream.url.origin}"}, anthropic: {upstream: "${upstream.url.origin}"}}
tracing: {capture_bodies: true, journal: {path: ./journal}}
pii: {mode: "off"}
auth:
  enabled: true
  pepper: ${PEPPER}
  keys:
    - {id: owner, token: ${OWNER}, org_id: acme, workspace_id: one, role: owner}
    - {id: other, token: ${OTHER}, org_id: umbrella, workspace_id: one, role: owner}
`
  writeFileSync(join(folder, 'ongoingai.yaml'), settings)
  const options = {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '' },
    stdout: 'pipe',
    stderr: 'pipe',
  } as const
  const serving = Bun.spawn([process.execPath, program, 'serve'], options)
  const url = `http://127.0.0.1:${port}`
  const get = (path: string): Promise<Response> =>
    fetch(url + path, { headers: { 'x-ongoingai-gateway-key': OWNER } })
  for (;;) {
    if (serving.exitCode !== null) throw new Error(await new Response(serving.stderr).text())
    if (
      await get('/api/health').then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
    await Bun.sleep(50)
  }
  const post = async (key: string, path: string, content: object): Promise<void> => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: 'Bearer sk-fixture-0123456789',
        'x-ongoingai-gateway-key': key,
        'x-ongoingai-trace-group-id': 'group-1',
        'x-ongoingai-session': 'session-1',
        'x-ongoingai-tags': 'team=red,stage=test',
      },
      body: JSON.stringify(content),
    })
    await response.arrayBuffer()
  }
  const messages = [
    { role: 'user', content: `Tell me about tea. ${'It is hot and it is good. '.repeat(150)}` },
  ]
  for (const key of [OWNER, OWNER, OTHER]) {
    await post(key, '/openai/v1/chat/completions', { model: 'gpt-5.4-mini', messages })
    await post(key, '/anthropic/v1/messages', {
      model: 'claude-sonnet-4-5',
      max_tokens: 64,
      stream: true,
      messages,
    })
  }
  await post(OWNER, '/openai/v1/chat/completions', { model: 'gpt-5.4-broken', messages })
  const stored = async (): Promise<number> =>
    ((await (await get('/api/traces?limit=50')).json()) as { items: unknown[] }).items.length
  if (!away) while ((await stored()) < 5) await Bun.sleep(100)
  // Sums are made every two seconds, by the versions that make them.
  await Bun.sleep(3000)
  serving.kill('SIGTERM')
  await serving.exited
  if (away) return folder
  const words = ['keys', 'create', '--id', 'stored', '--token', STORED, '--role', 'viewer']
  const tenant = ['--org-id', 'acme', '--workspace-id', 'one']
  const created = Bun.spawnSync([process.execPath, program, ...words, ...tenant], options)
  if (created.exitCode !== 0) throw new Error(created.stderr.toString())
  return folder
}

async function keepSqlite(): Promise<void> {
  const folder = await fill('{path: FOLDER/traces.db}')
  const copy = join(folder, 'copy.db')
  const database = new Database(join(folder, 'traces.db'))
  database.run('VACUUM INTO ?', [copy])
  database.close()
  keep('db', readFileSync(copy))
  rmSync(folder, { recursive: true })
}

/** @param server a superuser's */
async function keepPostgres(server: string): Promise<void> {
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  await admin.query('DROP DATABASE IF EXISTS ongoingai_schema')
  await admin.query('CREATE DATABASE ongoingai_schema')
  const dsn = new URL(server)
  dsn.pathname = '/ongoingai_schema'
  const folder = await fill(`{driver: postgres, dsn: "${dsn.href}"}`)
  const dump = Bun.spawnSync(['pg_dump', '--inserts', '--no-owner', '--no-privileges', dsn.href])
  if (dump.exitCode !== 0) throw new Error(dump.stderr.toString())
  // Lines that begin so are meant for psql.
  keep('sql', Buffer.from(dump.stdout.toString().replaceAll(/^\\.*\n/gm, '')))
  await admin.query('DROP DATABASE ongoingai_schema')
  await admin.end()
  rmSync(folder, { recursive: true })
}

async function keepJournal(): Promise<void> {
  // Nothing listens there.
  const folder = await fill('{driver: postgres, dsn: "postgres://nobody:nothing@127.0.0.1:1/none"}', true)
  const [name] = readdirSync(join(folder, 'journal')).filter((file) => file.startsWith('journal-'))
  keep('journal', readFileSync(join(folder, 'journal', name!)))
  rmSync(folder, { recursive: true })
}

function keep(driver: string, bytes: Uint8Array): void {
  const path = join(fixtures, `${MIGRATIONS.at(-1)!.name}.${driver}.gz`)
  writeFileSync(path, Bun.gzipSync(Uint8Array.from(bytes), { level: 9 }))
  console.log(path)
}

const server = process.env['TEST_POSTGRES_URL']
if (server === undefined) throw new Error('TEST_POSTGRES_URL is not set')
await keepSqlite()
await keepJournal()
await keepPostgres(server)
await upstream.stop(true)
