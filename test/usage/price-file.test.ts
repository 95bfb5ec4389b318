import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { eventually } from '../support/eventually.ts'
import { runProgram, serveProgram, type Finished } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { sampleTrace } from '../support/trace.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

let upstream: Upstream
const folder = mkdtempSync(join(tmpdir(), 'ongoingai-price-file-'))
const list = (input: number, more = ''): string =>
  `provider,model,input,output\nopenai,house-1,${input},10\n${more}`
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
const run = (...words: string[]): Promise<Finished> => runProgram(words, { cwd: folder })

beforeAll(async () => {
  upstream = await Upstream.start(
    respondJson({
      object: 'chat.completion',
      model: 'house-1',
      choices: [{ message: { content: '.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
    }),
  )
})
afterAll(async () => {
  await upstream.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a gateway takes over a price list that changes, whole, and keeps the old one when the new one is broken', async () => {
  const at = mkdtempSync(join(tmpdir(), 'ongoingai-price-serve-'))
  const file = join(at, 'house.csv')
  writeFileSync(file, list(3))
  const settings = `providers: {openai: {upstream: "${upstream.url}"}}\npricing: {file: ${file}}\n`
  const gateway = await serveProgram(settings, at)
  const receipt = async (): Promise<{ total_usd: number; price_list: string }> => {
    const answered = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'house-1', messages: [{ role: 'user', content: 'hi' }] }),
    })
    await answered.arrayBuffer()
    const id = answered.headers.get('x-ongoingai-trace-id')
    let cost: { total_usd: number; price_list: string } | undefined
    await eventually(async () => {
      const trace = await fetch(`${gateway.url}/api/traces/${id}`)
      cost = ((await trace.json()) as { cost?: typeof cost }).cost
      return cost !== undefined
    })
    return cost!
  }
  const said = (words: string): number => gateway.output().split(words).length - 1
  expect(await receipt()).toMatchObject({
    total_usd: 0.004,
    price_list: expect.stringMatching(/^house\.csv@\d{4}-\d\d-\d\d\+[0-9a-f]{8}$/),
  })

  writeFileSync(file, list(5))
  await eventually(() => said('"price list reloaded"') === 1)
  expect((await receipt()).total_usd).toBe(0.006)

  writeFileSync(file, list(7, 'openai,house-2,-1,2\n'))
  await eventually(() => said('price list not reloaded; the old one stays in force') === 1)
  expect(gateway.output()).toContain('line 3, input: a price cannot be negative (got -1)')
  expect((await receipt()).total_usd).toBe(0.006)
  gateway.kill('SIGHUP')
  await eventually(() => said('configuration not reloaded; the old one stays in force') === 1)
  expect((await receipt()).total_usd).toBe(0.006)

  // A command that replaces it goes on although the list in its place is broken.
  write('next.csv', list(8))
  const imported = await run(
    'prices',
    'import',
    'next.csv',
    '--config',
    gateway.configPath,
    '--name',
    'next',
    '--date',
    '2026-11-30',
  )
  expect([imported.status, imported.err]).toEqual([0, ''])
  await eventually(() => said('"price list reloaded"') === 2)
  expect(await receipt()).toMatchObject({
    total_usd: 0.009,
    price_list: expect.stringMatching(/^next@2026-11-30\+/),
  })
  gateway.kill('SIGTERM')
  expect(await gateway.exited()).toBe(0)
  gateway.remove()
})

test('serve and config validate refuse a broken list and a missing one, each mistake with its place', async () => {
  write('bad.csv', list(1, 'openai,b,x,2\n,c,1,2\n'))
  write('bad.yaml', 'pricing: {file: bad.csv}\n')
  const { status, err } = await run('serve', '--config', 'bad.yaml')
  expect(status).toBe(1)
  expect(err).toContain('line 3, input: a price must be a number of USD (got "x")')
  expect(err).toContain('line 4: provider and model are required')
  write('gone.yaml', 'pricing: {file: gone.csv}\n')
  const gone = await run('config', 'validate', '--config', 'gone.yaml')
  expect([gone.status, gone.out + gone.err]).toEqual([1, expect.stringContaining('there is no such file')])
})

test('prices import shows what is new, changed and gone, and writes nothing with --dry-run or a mistake', async () => {
  write(
    'old.csv',
    'provider,model,input,output\nopenai,gpt-6.1-terra,1,9\nopenai,leaving,1,2\nopenai,staying,1,2\n',
  )
  write(
    'new.csv',
    'provider,model,input,output\nopenai,gpt-6.1-terra,1,8\nopenai,coming,3,4\nopenai,staying,1,2\n',
  )
  write('import.yaml', 'storage: {path: data/t.db}\npricing: {file: data/list.json}\n')
  const take = (...words: string[]): Promise<Finished> =>
    run('prices', 'import', ...words, '--config', 'import.yaml')
  const first = await take('old.csv', '--date', '2026-10-01')
  expect([first.status, first.err]).toEqual([0, ''])
  const path = join(folder, 'data/list.json')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const before = readFileSync(path, 'utf8')
  const dry = await take('new.csv', '--dry-run')
  expect(dry.out).toMatch(/New models: 1\n.*\nopenai +coming +input 3; output 4\n/)
  expect(dry.out).toMatch(/Changed prices: 1\n.*\nopenai +gpt-6\.1-terra +output 9 → 8\n/)
  expect(dry.out).toMatch(/Models that have no price any more: 1\n.*\nopenai +leaving +input 1; output 2\n/)
  write('wrong.csv', 'provider,model,input\nopenai,a,-1\n')
  const wrong = await take('wrong.csv')
  expect([wrong.status, wrong.err]).toEqual([
    1,
    'wrong.csv cannot be used; nothing was changed:\n  line 2, input: a price cannot be negative (got -1)\n',
  ])
  expect(readFileSync(path, 'utf8')).toBe(before)
  expect((await take('new.csv', '--format', 'xml')).status).toBe(2)
  expect((await take()).status).toBe(2)
  expect((await take('nowhere.csv')).err).toContain('there is no such file')
  const shown = await run('prices', 'show', 'leaving', '--config', 'import.yaml')
  expect(shown.out).toMatch(/openai leaving \(old\.csv@2026-10-01\+[0-9a-f]{8}\)/)
})

test('prices update fetches only where that is allowed, only what has the right checksum, and never from elsewhere', async () => {
  const content = list(4)
  const sha256 = new Bun.CryptoHasher('sha256').update(content).digest('hex')
  using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      const { pathname } = new URL(url)
      if (pathname === '/moved') return Response.redirect('https://example.com/list?key=secret', 302)
      if (pathname === '/large') return new Response(new Uint8Array(17 * 1024 * 1024))
      if (pathname === '/gone') return new Response('', { status: 404 })
      return new Response(content, { headers: { 'last-modified': 'Mon, 30 Nov 2026 10:00:00 GMT' } })
    },
  })
  const from = (path: string): string => `http://127.0.0.1:${server.port}${path}`
  write('update.yaml', 'storage: {path: update/t.db}\npricing: {allow_update: true}\n')
  write('off.yaml', 'storage: {path: update/t.db}\n')
  const update = (...words: string[]): Promise<Finished> =>
    run('prices', 'update', '--config', 'update.yaml', '--from', ...words)
  const off = await run('prices', 'update', '--config', 'off.yaml', '--from', from('/list.csv'))
  expect([off.status, off.err]).toEqual([
    1,
    'prices update is switched off: set pricing.allow_update: true to let it fetch a price list\n',
  ])
  const refusals: [string, RegExp][] = [
    [from('/moved'), /leads elsewhere, to https:\/\/example\.com\/list\?\S+: name that address/],
    [from('/large'), /has more than 16777216 bytes/],
    [from('/gone'), /answers 404/],
    ['http://example.com/list', /expects an https URL; http is taken from this machine only/],
    ['file:///etc/passwd', /expects an https URL/],
    ['list.csv', /expects a URL/],
    ['http://127.0.0.1:1/list', /cannot be fetched/],
  ]
  for (const [address, reason] of refusals) {
    const { status, err } = await update(address)
    expect([address, status, err]).toEqual([address, 1, expect.stringMatching(reason)])
    expect(err).not.toContain('secret')
  }
  const other = await update(from('/list.csv'), '--sha256', '0'.repeat(64))
  expect([other.status, other.err]).toEqual([
    1,
    expect.stringContaining(`the list has the SHA-256 ${sha256}`),
  ])
  expect(existsSync(join(folder, 'update/price-list.json'))).toBe(false)
  const right = await update(from('/list.csv'), '--sha256', sha256.toUpperCase())
  expect([right.status, right.err]).toEqual([0, ''])
  expect(right.out).toContain(`SHA-256 ${sha256}\n`)
  expect(right.out).toContain('To use it, set pricing.file: update/price-list.json')
  expect(JSON.parse(readFileSync(join(folder, 'update/price-list.json'), 'utf8'))).toMatchObject({
    schema_version: 'price-list.v1',
    name: 'list.csv',
    date: '2026-11-30',
  })
})

test('doctor, prices check and report say how old the list is, and what changed since', async () => {
  const store = await openSqliteStorage(join(folder, 'aged.db'), 'write')
  const used = (model: string): ReturnType<typeof sampleTrace> =>
    sampleTrace({ id: model, model, startedAtUs: Date.now() * 1000, createdAtUs: Date.now() * 1000 })
  await store.write([used('gpt-5.4-mini'), used('gpt-6.1-sol'), used('nobody-knows')])
  await store.close()
  write(
    'aged.csv',
    'provider,model,from,input,output\nopenai,gpt-5.4-mini,,1,2\nopenai,gpt-5.4-mini,2026-03-01,1,3\n',
  )
  write('aged.yaml', 'storage: {path: aged.db}\npricing: {file: aged.json}\n')
  const today = new Date().toISOString().slice(0, 10)
  const dated = async (date: string): Promise<void> => {
    const { status, err } = await run(
      'prices',
      'import',
      'aged.csv',
      '--name',
      'aged',
      '--date',
      date,
      '--config',
      'aged.yaml',
    )
    expect([status, err]).toEqual([0, ''])
  }
  const doctor = async (): Promise<{ status: string; details: string[] }> => {
    const { out } = await run('doctor', '--format', 'json', '--config', 'aged.yaml')
    const { checks } = JSON.parse(out) as { checks: { name: string; status: string; details: string[] }[] }
    return checks.find(({ name }) => name === 'prices')!
  }
  await dated('2026-01-15')
  const old = await doctor()
  expect(old.status).toBe('warn')
  expect(old.details).toEqual([
    expect.stringMatching(
      /^price list: aged@2026-01-15\+\w+ of 2026-01-15, \d+ days old: older than 60 days; take over/,
    ),
    expect.stringMatching(
      /^used since, with another price than in that list: (gpt-6\.1-sol, gpt-5\.4-mini|gpt-5\.4-mini, gpt-6\.1-sol)$/,
    ),
    'used since, without a price: nobody-knows',
  ])
  const check = await run('prices', 'check', '--config', 'aged.yaml', '--format', 'json')
  expect(JSON.parse(check.out)).toMatchObject({
    price_list: { date: '2026-01-15', stale: true, unknown_models: ['nobody-knows'] },
  })
  const report = await run('report', '--config', 'aged.yaml')
  expect(report.out).toContain('\nPrices\nprice list: aged@2026-01-15')
  const json = await run('report', '--config', 'aged.yaml', '--format', 'json')
  expect(JSON.parse(json.out)).toMatchObject({ summary: { price_list: { stale: true } } })
  await dated(today)
  const fresh = await doctor()
  expect([fresh.status, fresh.details[0]]).toEqual([
    'warn',
    expect.stringMatching(/^price list: aged@\S+ of \S+, [01] days? old$/),
  ])
})

test.skipIf(process.platform === 'win32')(
  'reprice at a terminal shows the difference first and asks',
  async () => {
    write(
      'aged-own.yaml',
      'storage: {path: aged.db}\npricing: {overrides: [{model: nobody-knows, input: 1, output: 1}]}\n',
    )
    const ask = async (answered: string): Promise<string> => {
      let text = ''
      const child = Bun.spawn([...PROGRAM, 'reprice', '--config', 'aged-own.yaml'], {
        cwd: folder,
        env: { PATH: process.env['PATH'] ?? '' },
        terminal: { data: (_, bytes) => void (text += Buffer.from(bytes).toString()) },
      })
      await eventually(() => text.includes('traces?'))
      child.terminal!.write(`${answered}\n`)
      expect(await child.exited).toBe(0)
      await eventually(() => text.includes('changed') && /nothing was changed|traces changed/.test(text))
      return text
    }
    const no = await ask('n')
    expect(no).toMatch(/of 3 traces would change/)
    expect(no).toContain('nothing was changed')
    expect(await ask('y')).toMatch(/of 3 traces changed/)
  },
)
