import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { runProgram } from '../support/process.ts'
import { sampleTrace } from '../support/trace.ts'

setDefaultTimeout(60_000)

// Whatever shows a cost says when a subscription paid it.

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-included-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const run = async (...words: string[]): Promise<string> =>
  (await runProgram([...words, '--config', join(folder, 'ongoingai.yaml')], { cwd: folder })).out

/** A trace of 1000 tokens whose list price was 0.001 USD. */
function included(id: string, values: Partial<Trace> = {}): Trace {
  const sample = sampleTrace()
  return sampleTrace({
    id,
    model: 'm-known',
    costStatus: 'included',
    costNanoUsd: 0,
    listPriceNanoUsd: 1_000_000,
    inputTokens: 1000,
    outputTokens: 0,
    totalTokens: 1000,
    detail: {
      ...sample.detail,
      usage: { buckets: { input_uncached: 1000 } },
      cost: { status: 'included', total_usd: 0, list_price_usd: 0.001, price_list: 'old', lines: [] },
    },
    ...values,
  })
}

beforeAll(async () => {
  const prices = '[{model: m-known, input: 3, output: 6}]'
  writeFileSync(join(folder, 'ongoingai.yaml'), `storage: {path: ./t.db}\npricing: {overrides: ${prices}}\n`)
  const storage = await openSqliteStorage(join(folder, 't.db'), 'write')
  await storage.write([
    included('known'),
    included('lost', { model: 'm-lost' }),
    included('unknown', { model: 'm-lost', listPriceNanoUsd: null }),
    sampleTrace({ id: 'billed', model: 'm-billed', costNanoUsd: 4_500 }),
  ])
  while ((await storage.maintenance().rollUp(100)) > 0);
  await storage.close()
})

test('report', async () => {
  const text = await run('report')
  expect(text).toMatch(/Estimated cost \(USD\) +0\.0000045\n/)
  expect(text).toMatch(/Included in subscriptions +3 requests\n +list price \(USD\) +0\.002000\n/)
  expect(text.replace(/\n {2,}/g, ' ')).toMatch(/m-lost +2 +2000 +0\.000000 \+ 2 included/)
  expect(text).toContain('included (list 0.001000)')
  const page = (await run('report', '--format', 'html')).replace(/\s+/g, ' ')
  expect(page).toContain('3 included in subscriptions (list price $0.002)')
  const json = JSON.parse(await run('report', '--format', 'json')) as Record<string, Record<string, unknown>>
  expect(json['summary']).toMatchObject({
    total_cost_usd: 0.0000045,
    included_requests: 3,
    included_list_price_usd: 0.002,
  })
})

test('debug and export', async () => {
  expect(await run('debug', '--trace-id', 'known')).toMatch(
    /estimated_cost_usd +included \(list 0\.001000\)\n/,
  )
  expect(await run('debug', '--trace-id', 'unknown')).toMatch(/estimated_cost_usd +included\n/)
  await run('export', '--format', 'csv', '--out', 'all.csv')
  const [head = '', ...rows] = (await Bun.file(join(folder, 'all.csv')).text()).trim().split('\r\n')
  const column = head.split(',').indexOf('list_price_usd')
  const prices = Object.fromEntries(rows.map((row) => [row.split(',')[0], row.split(',')[column]]))
  expect(prices).toEqual({ known: '0.001', lost: '0.001', unknown: '', billed: '' })
})

test('reprice keeps them included, works the list price out anew, and leaves what the lists no longer know', async () => {
  const text = (await run('reprice')).replace(/\n {2,}/g, ' ')
  expect(text).toMatch(/m-known +1\/1 .*0\.001000 → 0\.003000/)
  const storage = await openSqliteStorage(join(folder, 't.db'), 'read')
  const reader = storage.everywhere()
  expect(await reader.getTrace('known')).toMatchObject({
    costStatus: 'included',
    costNanoUsd: 0,
    listPriceNanoUsd: 3_000_000,
    detail: {
      cost: { status: 'included', total_usd: 0, list_price_usd: 0.003 },
      cost_history: [{ status: 'included', list_price_usd: 0.001 }],
    },
  })
  expect(await reader.getTrace('lost')).toMatchObject({ listPriceNanoUsd: 1_000_000 })
  expect((await reader.measure({}, {})).rows[0]).toMatchObject({
    costNanoUsd: 4_500,
    includedRequests: 3,
    listPriceNanoUsd: 4_000_000,
  })
  await storage.close()
  expect(await run('db', 'check')).toContain('4 traces checked: all is well')
})
