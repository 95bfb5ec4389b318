import { loadConfig } from '../../src/config/load.ts'
import { SETTINGS } from '../support/redaction-settings.ts'
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exchange, RecorderSettings } from '../../src/traces/exchange.ts'
import { Recorder } from '../../src/traces/recorder/recorder.ts'
import { eventually } from '../support/eventually.ts'

function settingsIn(folder: string): RecorderSettings {
  const unset = { input: -1, cacheRead: -1, cacheWrite: -1, cacheWrite1h: -1, output: -1 }
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
    pricing: { unknownModel: 'allow', assumed: unset, overrides: [] },
    watchKeys: false,
  }
}

function exchange(id: string): Exchange {
  return {
    id,
    correlationId: 'c',
    startedAtUs: Date.now() * 1000,
    completedUs: 5,
    upstreamFirstByteUs: 2,
    caller: { organizationId: 'default', workspaceId: 'default', keyId: '', team: '', role: '' },
    wire: { api: 'chat_completions', provider: 'openai' },
    credentialField: '',
    queryKey: '',
    dialect: 'openai',
    routeModel: '',
    injected: false,
    upstreamUrl: 'http://127.0.0.1',
    attempts: 1,
    method: 'POST',
    path: '/openai/v1/chat/completions',
    requestFields: { authorization: 'Bearer sk-canary' },
    responseFields: {},
    status: 200,
    outcome: 'completed',
    errorCode: '',
    free: false,
    requestBytes: 2,
    responseBytes: 2,
    responseChunks: 0,
    streaming: false,
    request: { mediaType: 'application/json', codings: '' },
    response: { mediaType: 'application/json', codings: '' },
    spend: null,
    ticket: 0,
    route: '/openai/*',
  }
}

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
    if (sent % 4 === 0) await Bun.sleep(2)
    const d = recorder.diagnostics()
    expect(d.enqueue_accepted_total).toBe(
      d.stored_total + d.queue_depth + d.journal_records + d.quarantined_total + d.write_dropped_total,
    )
  }
  await eventually(() => recorder.diagnostics().queue_depth === 0)
  expect(recorder.diagnostics()).toMatchObject({
    enqueue_accepted_total: 400,
    stored_total: 400,
    recorder_restarts_total: 1,
  })
  expect(await recorder.stop(5000)).toBe(true)
  expect(logs).toContain('recorder thread died; starting it again')
  const database = new Database(join(folder, 'traces.db'), { readonly: true })
  expect(database.query('SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM traces').get()).toEqual({
    n: 400,
    ids: 400,
  })
  database.close()
  rmSync(folder, { recursive: true })
}, 30_000)

test('a queue that is full refuses exchanges, counts them, and says so once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-full-'))
  const logs: string[] = []
  const worker = new URL('../../src/traces/recorder/recorder-worker.ts', import.meta.url).href
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
  await recorder.stop(5000)
  rmSync(folder, { recursive: true })
}, 30_000)
