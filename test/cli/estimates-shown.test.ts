import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { runProgram } from '../support/process.ts'
import { PROGRAM } from '../support/program.ts'
import { sampleTrace } from '../support/trace.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// Whatever shows a cost or a number of tokens says when it is an estimate, and keeps the digits of small amounts.

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-estimates-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const run = async (...words: string[]): Promise<string> =>
  (await runProgram([...words, '--config', join(folder, 'ongoingai.yaml')], { cwd: folder })).out

beforeAll(async () => {
  writeFileSync(join(folder, 'ongoingai.yaml'), 'storage: {path: ./t.db}\n')
  const storage = await openSqliteStorage(join(folder, 't.db'), 'write')
  const T0 = Date.parse('2026-02-18T14:00:00Z') * 1000
  const values = { costNanoUsd: 4_500, inputTokens: 11, outputTokens: 7, totalTokens: 18 }
  const cost = { status: 'estimated', total_usd: 0.000_004_5, price_list: 'test', lines: [] } as const
  await storage.write([
    sampleTrace({ ...values, id: 'exact', model: 'm-exact', apiKeyHash: 'k-exact', sessionId: 's-exact' }),
    sampleTrace({
      ...values,
      id: 'estimated',
      provider: 'anthropic',
      model: 'm-estimated',
      apiKeyHash: 'k-estimated',
      sessionId: 's-estimated',
      startedAtUs: T0 + 60_000_000,
      costStatus: 'estimated',
      usageSource: 'estimated',
      detail: { ...sampleTrace().detail, cost },
    }),
  ])
  await storage.close()
})

/** Lines of a text that name something. */
const linesOf = (text: string, word: string): string[] =>
  // What did not fit on a line of a table stands below it.
  text
    .replace(/\n {2,}(?=\S)/g, ' ')
    .split('\n')
    .filter((line) => line.includes(word))

test('report as text', async () => {
  const out = await run('report')
  expect(out).toMatch(/Estimated cost \(USD\) +~0\.000009\n/)
  for (const word of ['m-estimated', 'anthropic', 'k-estimated', 's-estimated']) {
    const costs = linesOf(out, word).filter((line) => line.includes('0.0000045'))
    expect([word, costs.length > 0 && costs.every((line) => line.includes('~0.0000045'))]).toEqual([
      word,
      true,
    ])
  }
  for (const line of linesOf(out, 'm-exact')) expect(line).not.toContain('~')
  expect(linesOf(out, 'm-estimated').some((line) => / ~18 /.test(line))).toBe(true)
})

test('report as a page', async () => {
  const cells = (await run('report', '--format', 'html')).replace(/\s+/g, ' ')
  expect(cells).toContain('~$0.000009')
  const rows = [...cells.matchAll(/<tr>(.*?)<\/tr>/g)]
    .map(([row]) => row)
    .filter((row) => row.includes('m-e'))
  expect(rows.length).toBe(6)
  for (const row of rows) {
    expect(row).toContain('$0.0000045')
    expect([row, row.includes('~$0.0000045')]).toEqual([row, row.includes('m-estimated')])
  }
  expect(cells).toContain('Spend per hour (UTC), by model, estimates included')
})

test('report as JSON: every sum has its count of estimates', async () => {
  const report = JSON.parse(await run('report', '--format', 'json')) as Record<
    string,
    Record<string, unknown>[]
  >
  for (const list of ['providers', 'models', 'api_keys', 'sessions']) {
    expect([list, new Set(report[list]!.map((row) => row['estimated_cost_requests']))]).toEqual([
      list,
      new Set([0, 1]),
    ])
    expect([list, report[list]!.map((row) => row['unknown_cost_requests'])]).toEqual([list, [0, 0]])
  }
})

test('debug and traces tail', async () => {
  const estimated = await run('debug', '--trace-id', 'estimated')
  expect(estimated).toMatch(/estimated_cost_usd +~0\.0000045\n/)
  expect(estimated).toMatch(/tokens +input=~11 output=~7 total=~18\n/)
  const exact = await run('debug', '--trace-id', 'exact')
  expect(exact).toMatch(/estimated_cost_usd +0\.0000045\n/)
  expect(exact).toMatch(/tokens +input=11 output=7 total=18\n/)
  const child = Bun.spawn([...PROGRAM, 'traces', 'tail', '--config', 'ongoingai.yaml'], {
    cwd: folder,
    stdout: 'pipe',
  })
  let out = ''
  for await (const bytes of child.stdout) {
    out += Buffer.from(bytes).toString('utf8')
    if (out.split('\n').length > 2) child.kill('SIGTERM')
  }
  expect(linesOf(out, 'm-estimated')[0]).toContain(' ~11+7 tokens ~$0.0000045 ')
  expect(linesOf(out, 'm-exact')[0]).toContain(' 11+7 tokens $0.0000045 ')
})

test('limits, and the sums of the API', async () => {
  const upstream = await Upstream.start(
    respondJson({
      model: 'gpt-4o-mini',
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    }),
  )
  const gateway = await openGateway(
    `${providersAt(upstream.url)}limits: {policies: [{name: money, per: workspace, budget: {cost_usd: 0.5}}]}\n`,
  )
  try {
    await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-1', 'content-type': 'application/json' },
      body: '{"model":"gpt-4o-mini","messages":[]}',
    }).then((response) => response.arrayBuffer())
    const limits = (): Promise<string> => run('limits', '--base-url', gateway.url)
    await eventually(async () => (await limits()).includes('0.0000045 USD'), 30_000)
    expect(await limits()).toMatch(
      /money +cost per day +workspace +0\.0000045 USD +~?0\.000000 USD +0\.500000 USD/,
    )
    for (const path of ['models', 'keys']) {
      const response = await fetch(`${gateway.url}/api/analytics/${path}`)
      const { items } = (await response.json()) as { items: Record<string, unknown>[] }
      expect([path, items.map((item) => item['estimated_cost_requests'])]).toEqual([path, [0]])
    }
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
})

// Windows gives no terminal here.
test.skipIf(process.platform === 'win32')('the line of an exchange on a terminal', async () => {
  const message = { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Good day.' } }
  const upstream = await Upstream.start(respondJson({ model: 'gpt-4o-mini', choices: [message] }))
  const port = await freePort()
  const file = join(folder, 'terminal.yaml')
  writeFileSync(
    file,
    `server: {port: ${port}}\nstorage: {path: ./terminal.db}\nproviders: {openai: {upstream: "${upstream.url}"}}\n`,
  )
  let shown = ''
  const child = Bun.spawn([...PROGRAM, 'serve', '--config', file], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' },
    terminal: { data: (_, bytes) => void (shown += Buffer.from(bytes).toString()) },
  })
  try {
    await eventually(() => shown.includes('Listening on'), 30_000)
    const ask = async (): Promise<unknown> =>
      fetch(`http://127.0.0.1:${port}/openai/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: 'Bearer sk-1', 'content-type': 'application/json' },
        body: '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}',
      }).then((response) => response.text())
    await ask()
    await eventually(() => / ~\d+ tokens, ~\$0\.00000\d+/.test(shown), 30_000)
    upstream.play = respondJson({
      model: 'gpt-4o-mini',
      choices: [message],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    })
    await ask()
    await eventually(() => / 15 tokens, \$0\.0000045/.test(shown), 30_000)
  } finally {
    child.kill('SIGTERM')
    await child.exited
    await upstream.stop()
  }
})
