import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { runProgram, type Finished } from '../support/process.ts'
import { sampleTrace } from '../support/trace.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-prices-'))
const path = join(folder, 'traces.db')
const config = (pricing: string): void =>
  writeFileSync(join(folder, 'ongoingai.yaml'), `storage: {path: ${path}}\n${pricing}`)
const run = (words: string): Promise<Finished> => runProgram(words.split(' '), { cwd: folder })

beforeAll(async () => {
  const storage = await openSqliteStorage(path, 'write')
  const usage = { buckets: { input_uncached: 1_000_000 } }
  const detail = sampleTrace().detail
  const unknown = {
    status: 'unknown',
    total_usd: null,
    price_list: '',
    lines: [],
    note: 'no price for model in-house',
  } as const
  const house = (id: string, startedAtUs: number, more = {}) =>
    sampleTrace({
      id,
      startedAtUs,
      model: 'in-house',
      costStatus: 'unknown',
      costNanoUsd: null,
      detail: { ...detail, usage: { ...usage, ...more }, cost: unknown },
    })
  const day = (date: string): number => Date.parse(date) * 1000
  await storage.write([
    house('old', day('2026-10-01')),
    house('new', day('2026-11-01')),
    house('guessed', day('2026-11-02'), {
      estimated_because: 'the answer reports no usage; estimated from the text',
    }),
    sampleTrace({
      id: 'session',
      startedAtUs: day('2026-11-03'),
      model: 'gpt-5.5',
      costNanoUsd: 1,
      detail: {
        ...detail,
        usage: {
          buckets: { input_uncached: 300_010 },
          bills: [
            { model: 'gpt-5.5', buckets: { input_uncached: 10 } },
            { model: 'gpt-5.5', buckets: { input_uncached: 300_000 } },
            { model: 'x', buckets: { input_uncached: 7 }, reported_usd: 0.25 },
          ],
        },
      },
    }),
    sampleTrace({
      id: 'refused',
      startedAtUs: day('2026-11-04'),
      detail: { ...detail, usage: { buckets: {} } },
    }),
    sampleTrace({
      id: 'idle',
      startedAtUs: day('2026-11-05'),
      model: 'gone',
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
    }),
  ])
  await storage.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('prices list and show print every price, its brackets and its source', async () => {
  config('')
  const list = await run('prices list --provider openai')
  expect(list.out).toMatch(/openai +gpt-5\.4-mini +0\.75 +0\.075 +- +4\.5\n/)
  expect(list.out).toContain('Bundled prices (genai-prices@0.1.8)\n')
  expect(list.out).not.toContain('anthropic')
  expect(await run('prices list --provider nobody')).toMatchObject({ status: 1, out: '' })
  const show = await run('prices show gpt-5.5-2026-04-23')
  expect(show.out).toContain('openai gpt-5.5 (genai-prices@0.1.8)')
  expect(show.out).toMatch(/input_mtok +5, 10 above 271999/)
  const none = await run('prices show claude-fable-5-2 --provider anthropic')
  expect([none.status, none.err]).toEqual([
    1,
    'no price is known for "claude-fable-5-2": its cost is unknown. Set pricing.overrides to give it one.\n',
  ])
  expect((await run('prices show')).status).toBe(2)
  expect((await run('prices lst')).err).toContain('did you mean "prices list"?')
  const json = JSON.parse((await run('prices show gpt-5.5 --provider openai --format json')).out) as object
  expect(json).toMatchObject({ schema_version: 'price.v1', prices: [{ vendor: 'openai', model: 'gpt-5.5' }] })
})

test('prices check names used models without a price, and own prices that match nothing', async () => {
  config('pricing: {overrides: [{model: "never*", free: true}]}\n')
  const check = await run('prices check')
  expect(check.status).toBe(1)
  expect(check.out).toMatch(/openai +in-house +3 /)
  expect(check.out).toMatch(/\(any\) +never\*/)
  expect(check.out).not.toContain('gone')
  config('pricing: {overrides: [{model: in-house, input: 1, output: 1}]}\n')
  expect(await run('prices check')).toMatchObject({ status: 0 })
  config('pricing: {overrides: [{model: in-house, input: 1}]}\n')
  const partly = await run('prices check')
  expect(partly.status).toBe(1)
  expect(partly.out).toMatch(/priced in part.*\n.*LACKS\nopenai +in-house +3 .* output\n/)
  const json = JSON.parse((await run('prices check --format json')).out) as object
  expect(json).toMatchObject({
    missing: [],
    partly_priced: [{ provider: 'openai', model: 'in-house', traces: 3, lacks: 'output' }],
  })
})

test('reprice shows what would change, changes it, keeps the old receipt, and changes nothing the second time', async () => {
  config('pricing: {overrides: [{model: in-house, input: 2, output: 2, from: "2026-10-15"}]}\n')
  const dry = await run('reprice --dry-run --format json')
  expect(JSON.parse(dry.out)).toMatchObject({
    schema_version: 'reprice.v1',
    dry_run: true,
    traces: 6,
    models: [
      {
        model: 'in-house',
        traces: 3,
        changed: 2,
        before_usd: 0,
        after_usd: 4,
        unknown_before: 3,
        unknown_after: 1,
      },
      { model: 'gpt-5.5', changed: 1, before_usd: 1e-9, after_usd: 3.25005 },
    ],
  })
  const storage = await openSqliteStorage(path, 'read')
  expect((await storage.everywhere().getTrace('new'))!.costNanoUsd).toBeNull()
  await storage.close()

  const before = await run('reprice --to 2026-11-01')
  expect(before.out).toMatch(/^1 of 2 traces changed/)
  const rest = await run('reprice')
  expect(rest.out).toMatch(/in-house +1\/3 +2\.000000 +~4\.000000 +\+2\.000000 +2 → 1/)
  const after = await openSqliteStorage(path, 'read')
  expect(await after.everywhere().getTrace('new')).toMatchObject({
    costNanoUsd: 2_000_000_000,
    costStatus: 'exact',
    detail: {
      cost: { price_list: 'override', total_usd: 2 },
      cost_history: [{ status: 'unknown', total_usd: null, note: 'no price for model in-house' }],
    },
  })
  expect(await after.everywhere().getTrace('guessed')).toMatchObject({
    costStatus: 'estimated',
    costNanoUsd: 2_000_000_000,
  })
  expect((await after.everywhere().getTrace('old'))!.costNanoUsd).toBeNull()
  expect((await after.everywhere().getTrace('session'))!.detail.cost.lines).toHaveLength(3)
  await after.close()
  expect((await run('reprice')).out).toMatch(/^0 of 6 traces changed/)
})

test('reprice goes on where it was interrupted, and refuses what makes no sense', async () => {
  config('pricing: {overrides: [{model: in-house, input: 3, output: 3}]}\n')
  const storage = await openSqliteStorage(path, 'write')
  const shape = (await storage.everywhere().getTrace('new'))!
  await storage.write(
    Array.from({ length: 250 }, (_, i) => ({ ...shape, id: `many-${String(i).padStart(3, '0')}` })),
  )
  await storage.close()
  const database = new Database(path)
  database.run(
    "CREATE TRIGGER stop BEFORE UPDATE ON traces WHEN old.id = 'many-240' BEGIN SELECT RAISE(ABORT, 'disk on fire'); END",
  )
  const stopped = await run('reprice')
  expect(stopped.status).toBe(1)
  expect(stopped.err).toContain('disk on fire')
  expect(stopped.err).toContain('run the same command again to go on from there')
  database.run('DROP TRIGGER stop')
  database.close()
  expect(JSON.parse((await run('reprice --format json')).out)).toMatchObject({
    resumed: true,
    traces: 56,
    changed: 56,
  })
  expect(JSON.parse((await run('reprice --format json')).out)).toMatchObject({ resumed: false, changed: 0 })
  expect((await run('reprice --from 2026-12-01 --to 2026-11-01')).status).toBe(2)
  expect((await run('reprice --from someday')).err).toContain('invalid from')
  const nowhere = await runProgram(['reprice'], { cwd: mkdtempSync(join(folder, 'empty-')) })
  expect([nowhere.status, existsSync(join(folder, 'data'))]).toEqual([1, false])
})
