import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStorage } from '../../src/storage/drivers/sqlite.ts'
import { runProgram } from '../support/process.ts'
import { sampleTrace } from '../support/trace.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-keys-'))
beforeAll(() =>
  writeFileSync(
    join(folder, 'ongoingai.yaml'),
    'storage: {path: ./g.db}\nauth: {enabled: true, header: X-Our-Key, keys: [{id: filed, token: filed-token-0123456789abcdef, role: viewer}]}\n',
  ),
)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...words: string[]): ReturnType<typeof runProgram> => runProgram(words, { cwd: folder })

test('keys list without a store shows the keys of the file, and makes none', async () => {
  const { status, out, err } = await run('keys', 'list')
  expect([status, err]).toEqual([0, ''])
  expect(out).toMatch(/^filed +default/m)
  expect(existsSync(join(folder, 'g.db'))).toBe(false)
})

test('keys create takes a budget and a rate, and says how to use the token', async () => {
  const limits = ['--budget', '50/month', '--requests-per-minute', '60']
  const made = await run('keys', 'create', '--id', 'ci', '--name', 'build', ...limits)
  expect([made.status, made.err]).toEqual([0, ''])
  const [, token] = /^Token +(\S+)$/m.exec(made.out)!
  expect(made.out).toContain(`export ONGOINGAI_GATEWAY_KEY=${token}\n`)
  expect(made.out).toContain('export OPENAI_CUSTOM_HEADERS="X-Our-Key: $ONGOINGAI_GATEWAY_KEY"\n')
  const list = await run('keys', 'list', '--format', 'json')
  const { items } = JSON.parse(list.out) as { items: { id: string; limits: object[] }[] }
  expect(items.find(({ id }) => id === 'ci')!.limits).toMatchObject([
    { name: 'requests-per-minute', requests_per_minute: 60 },
    { name: 'budget', budget: { cost_usd: 50, period: 'month' } },
  ])
  const text = await run('keys', 'list')
  expect(text.out).toMatch(/^ci +build +default/m)
  expect(text.out.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('the report names gateway keys beside their ids', async () => {
  const storage = await openSqliteStorage(join(folder, 'g.db'), 'write')
  await storage.write([
    sampleTrace({ id: 't-ci', gatewayKeyId: 'ci' }),
    sampleTrace({ id: 't-gone', gatewayKeyId: 'gone' }),
    sampleTrace({ id: 't-none' }),
  ])
  await storage.close()
  const { out } = await run('report')
  expect(out).toMatch(/^build +ci +1 /m)
  expect(out).toMatch(/^\(no name\) +gone +1 /m)
  const json = JSON.parse((await run('report', '--format', 'json')).out) as {
    gateway_keys: { gateway_key_id: string; name: string; request_count: number }[]
  }
  expect(Object.fromEntries(json.gateway_keys.map((key) => [key.gateway_key_id, key]))).toMatchObject({
    ci: { name: 'build', request_count: 1 },
    gone: { name: '', request_count: 1 },
  })
})

test.each([
  [
    '--budget',
    '50',
    'budget "50" must be an amount in USD and a period: 50/month (day, week, month or total)',
  ],
  ['--budget', '0/day', 'budget "0/day" must be an amount in USD and a period'],
  ['--requests-per-minute', '0', 'requests-per-minute must be at least 1'],
])('keys create %s %s is refused, with what is wrong', async (flag, value, message) => {
  expect(await run('keys', 'create', flag, value)).toMatchObject({
    status: 2,
    out: '',
    err: expect.stringContaining(message),
  })
})
