import { loadConfig } from '../../src/config/load.ts'
import { SETTINGS } from '../support/redaction-settings.ts'
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exchange } from '../../src/traces/exchange.ts'
import type { RecorderSettings } from '../../src/background/protocol.ts'
import { Recorder } from '../../src/background/recorder.ts'
import { eventually } from '../support/eventually.ts'
import { sampleExchange } from '../support/exchange.ts'
import { balanced } from '../support/pipeline.ts'
import { NO_RATES } from '../support/own-prices.ts'

function settingsIn(folder: string): RecorderSettings {
  return {
    storage: { driver: 'sqlite', path: join(folder, 'traces.db') },
    retention: {
      bodies: { maxAgeDays: 0, maxBytes: 0 },
      traces: { maxAgeDays: 0, maxBytes: 0 },
      rollups: { maxAgeDays: 0 },
      audit: { maxAgeDays: 0 },
    },
    journalPath: join(folder, 'journal'),
    journalMaxBytes: 1e9,
    queueMaxBytes: 64e6,
    flushIntervalMs: 100,
    captureBodies: false,
    bodyMaxSize: 1000,
    redaction: { ...SETTINGS, mode: 'off' },
    telemetry: loadConfig(undefined, {}).config.telemetry,
    maskedRequestFields: ['authorization'],
    maskedResponseFields: [],
    setCredentials: [],
    pricing: { unknownModel: 'allow', assumed: NO_RATES, overrides: [] },
    watchKeys: false,
  }
}

const exchange = (id: string): Exchange => sampleExchange({ id })

const DIED = 'recorder thread died; starting it again'

/** Has the thread of `dying-recorder.ts` die. */
const kill = (folder: string): void => writeFileSync(join(folder, 'journal.die'), '')

const EARS = { priced: () => undefined, dropped: () => undefined, keys: () => undefined }

test('a recorder thread that dies under load is started again, and nothing that was accepted is lost', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-death-'))
  const logs: string[] = []
  const worker = new URL('../fixtures/dying-recorder.ts', import.meta.url).href
  const recorder = new Recorder(settingsIn(folder), (_, message) => logs.push(message), EARS, worker)
  await recorder.start()
  const contents = { request: Buffer.from('{}'), response: Buffer.from('{}') }
  let sent = 0
  for (; sent < 400; sent++) {
    recorder.record(exchange(`exchange-${sent}`), contents)
    if (sent === 200) kill(folder)
    if (sent % 4 === 0) await Bun.sleep(2)
    const d = recorder.diagnostics()
    expect(d.enqueue_accepted_total).toBe(
      d.stored_total + d.queue_depth + d.journal_records + d.quarantined_total + d.write_dropped_total,
    )
  }
  await eventually(() => logs.includes(DIED) && recorder.diagnostics().queue_depth === 0)
  expect(recorder.diagnostics()).toMatchObject({
    enqueue_accepted_total: 400,
    stored_total: 400,
    recorder_restarts_total: 1,
  })
  expect(await recorder.stop()).toEqual({ kind: 'stored' })
  const database = new Database(join(folder, 'traces.db'), { readonly: true })
  expect(database.query('SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM traces').get()).toEqual({
    n: 400,
    ids: 400,
  })
  database.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('what a recorder thread had journalled when it died is taken over by the next, and counted once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-death-'))
  const logs: string[] = []
  const worker = new URL('../fixtures/dying-recorder.ts', import.meta.url).href
  const recorder = new Recorder(settingsIn(folder), (_, message) => logs.push(message), EARS, worker)
  await recorder.start()
  const locker = new Database(join(folder, 'traces.db'))
  locker.run('PRAGMA busy_timeout = 5000')
  locker.run('BEGIN IMMEDIATE')
  const holds = (): boolean => {
    const d = recorder.diagnostics()
    expect(d.queue_depth).toBeGreaterThanOrEqual(0)
    return balanced(d)
  }
  for (let i = 0; i < 40; i++) recorder.record(exchange(`e${i}`), { request: undefined, response: undefined })
  await eventually(() => holds() && recorder.diagnostics().journal_records === 40)
  kill(folder)
  await eventually(() => logs.includes(DIED) && holds())
  for (let i = 40; i < 50; i++)
    recorder.record(exchange(`e${i}`), { request: undefined, response: undefined })
  expect(holds()).toBe(true)
  locker.run('ROLLBACK')
  locker.close()
  await eventually(
    () => holds() && recorder.diagnostics().queue_depth === 0 && recorder.diagnostics().journal_records === 0,
  )
  expect(await recorder.stop()).toEqual({ kind: 'stored' })
  const database = new Database(join(folder, 'traces.db'), { readonly: true })
  expect(database.query('SELECT COUNT(*) AS n FROM traces').get()).toEqual({ n: 50 })
  database.close()
  expect(recorder.diagnostics()).toMatchObject({ enqueue_accepted_total: 50, stored_total: 50 })
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a queue that is full refuses exchanges, counts them, and says so once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-full-'))
  const logs: string[] = []
  const worker = new URL('../../src/background/recorder-worker.ts', import.meta.url).href
  const recorder = new Recorder(
    { ...settingsIn(folder), queueMaxBytes: 10 * 2048 },
    (_, message) => logs.push(message),
    EARS,
    worker,
  )
  await recorder.start()
  for (let i = 0; i < 15; i++) recorder.record(exchange(`e${i}`), { request: undefined, response: undefined })
  expect(recorder.diagnostics()).toMatchObject({
    enqueue_accepted_total: 10,
    enqueue_dropped_total: 5,
    queue_depth: 10,
    queue_pressure_state: 'saturated',
  })
  expect(logs.filter((message) => message === 'trace queue is full; dropping trace')).toHaveLength(1)
  await eventually(() => recorder.diagnostics().stored_total === 10)
  await recorder.stop()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('content of an exchange that was refused is forgotten: another exchange of its id is read without it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-refused-'))
  const worker = new URL('../../src/background/recorder-worker.ts', import.meta.url).href
  const settings = { ...settingsIn(folder), queueMaxBytes: 10 * 2048 }
  const recorder = new Recorder(settings, () => undefined, EARS, worker)
  await recorder.start()
  const wire = { provider: 'openai', api: 'chat_completions' } as const
  const streamed = Buffer.from(
    'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
  )
  const observed = (id: string): Exchange => {
    const facts = { mediaType: 'text/event-stream', codings: '' }
    const tap = recorder.observe({ id, side: 'response', wire, facts })
    tap.take(streamed, 1)
    tap.end()
    return sampleExchange({ id, wire, responseBytes: streamed.length })
  }
  const [read, refused] = [observed('read'), observed('refused')]
  const nothing = { request: undefined, response: undefined }
  recorder.record(read, nothing)
  for (let i = 0; i < 8; i++) recorder.record(exchange(`e${i}`), nothing)
  recorder.record(refused, nothing)
  expect(recorder.diagnostics()).toMatchObject({ enqueue_accepted_total: 9, enqueue_dropped_total: 1 })
  await eventually(() => recorder.diagnostics().stored_total === 9)
  recorder.record(refused, nothing)
  await eventually(() => recorder.diagnostics().stored_total === 10)
  await recorder.stop()
  const database = new Database(join(folder, 'traces.db'), { readonly: true })
  const tokensOf = (id: string): unknown =>
    database.query('SELECT input_tokens, usage_source FROM traces WHERE id = ?').get(id)
  expect([tokensOf('read'), tokensOf('refused')]).toEqual([
    { input_tokens: 7, usage_source: 'reported' },
    { input_tokens: 0, usage_source: 'none' },
  ])
  database.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a recorder thread that is stuck keeps nothing: what is known of its exchanges is journalled, and the next start stores it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-stuck-'))
  const stuck = new URL('../fixtures/stuck-recorder.ts', import.meta.url).href
  const recorder = new Recorder(settingsIn(folder), () => undefined, EARS, stuck)
  await recorder.start()
  for (let i = 0; i < 50; i++)
    recorder.record(exchange(`e${i}`), { request: Buffer.from('{"model":"m"}'), response: Buffer.from('{}') })
  const stopping = recorder.stop()
  recorder.flush()
  expect(await stopping).toEqual({ kind: 'journalled', records: 50 })
  expect(recorder.stop()).toBe(stopping)
  for (const name of readdirSync(join(folder, 'journal')))
    expect(readFileSync(join(folder, 'journal', name), 'latin1')).not.toContain('sk-canary')

  const worker = new URL('../../src/background/recorder-worker.ts', import.meta.url).href
  const next = new Recorder(settingsIn(folder), () => undefined, EARS, worker)
  await next.start()
  await eventually(() => next.diagnostics().stored_total === 50)
  expect(next.diagnostics()).toMatchObject({ enqueue_accepted_total: 50, queue_depth: 0 })
  expect(await next.stop()).toEqual({ kind: 'stored' })
  const database = new Database(join(folder, 'traces.db'), { readonly: true })
  expect(
    database
      .query(
        "SELECT COUNT(*) AS n FROM traces JOIN trace_details USING (seq) WHERE cost_status = 'unknown' AND document ->> '$.metadata.recording_interrupted' <> ''",
      )
      .get(),
  ).toEqual({ n: 50 })
  database.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a recorder thread that cannot be started again leaves nothing behind that is not journalled', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-gone-'))
  const gone = new URL('../fixtures/gone-recorder.ts', import.meta.url).href
  const logs: string[] = []
  const recorder = new Recorder(settingsIn(folder), (_, message) => logs.push(message), EARS, gone)
  await recorder.start()
  recorder.record(exchange('e'), { request: undefined, response: undefined })
  await eventually(() => logs.includes(DIED))
  expect(await recorder.stop()).toEqual({ kind: 'journalled', records: 1 })
  rmSync(folder, { recursive: true, force: true })
}, 30_000)
