import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { loadConfig } from '../../src/config/load.ts'
import { unreadContent } from '../../src/traces/interrupted-trace.ts'
import { wireApiNamed } from '../../src/providers/registry.ts'
import { BuilderThread } from '../../src/background/builder-thread.ts'
import type { BuilderSettings } from '../../src/background/trace-builder.ts'
import { eventually } from '../support/eventually.ts'
import { sampleExchange } from '../support/exchange.ts'

setDefaultTimeout(60_000)

const { config } = loadConfig(undefined, {})
const settings: BuilderSettings = {
  redaction: config.pii.redaction,
  pricing: config.pricing,
  maskedRequestFields: ['authorization'],
  maskedResponseFields: [],
  setCredentials: [],
}
const SLOW = new URL('../fixtures/slow-builder.ts', import.meta.url).href
const REAL = new URL('../../src/background/builder-worker.ts', import.meta.url).href

const threads: BuilderThread[] = []
const open = (
  program: string,
  times?: { timeoutMs?: number; behindMs?: number; idleMs?: number },
): BuilderThread => {
  const thread = new BuilderThread(settings, program, times)
  threads.push(thread)
  return thread
}
afterAll(() => {
  for (const thread of threads) thread.close()
})

const content = unreadContent(wireApiNamed('chat_completions'))

test('a trace that hangs, fails or kills the thread fails alone; those behind it are built in order', async () => {
  const thread = open(SLOW, { timeoutMs: 2000 })
  const done: string[] = []
  const build = async (id: string, path: string): Promise<void> => {
    try {
      done.push((await thread.build(sampleExchange({ id, path }), content, undefined)).id)
    } catch (error) {
      done.push(`${id}: ${(error as Error).message}`)
    }
  }
  await Promise.all([
    build('a', '/'),
    build('b', '/hang'),
    build('c', '/'),
    build('d', '/die'),
    build('e', '/fail'),
    build('f', '/'),
  ])
  expect(done).toEqual(['a', 'b: it took too long', 'c', 'd: the thread died', 'e: no', 'f'])
})

test('tokens are counted with the vocabulary, and what waits is rejected when the gateway ends', async () => {
  const thread = open(REAL)
  const reading = {
    ...content,
    request: { model: 'gpt-5.4-mini', messages: [{ role: 'user', content: 'Hello there, how are you?' }] },
    response: { ...content.response, model: 'gpt-5.4-mini' },
    understood: true,
  }
  const counted = await thread.build(sampleExchange(), reading, 'o200k_base')
  // Seven tokens, and six that frame a message.
  expect([counted.inputTokens, counted.usageSource]).toEqual([13, 'estimated'])
  expect(counted.requestHeaders).toEqual({ Authorization: ['[REDACTED]'] })
  const late = thread.build(sampleExchange(), reading, 'o200k_base')
  thread.close()
  expect(late).rejects.toThrow('the gateway stopped')
})

test('what waits for a vocabulary to be loaded is still counted with it; what waits for slow traces is not', async () => {
  const thread = open(SLOW, { behindMs: 400 })
  const build = async (path: string): Promise<string> =>
    (await thread.build(sampleExchange({ path }), content, 'o200k_base')).model
  expect(await Promise.all([build('/slow'), build('/')])).toEqual(['o200k_base', 'o200k_base'])
  expect(await Promise.all([build('/slow'), build('/')])).toEqual(['o200k_base', 'none'])
})

test('a thread without work is ended, and the next trace starts another', async () => {
  const built = async (thread: BuilderThread): Promise<string> =>
    (await thread.build(sampleExchange({ path: '/built' }), content, undefined)).model
  const busy = open(SLOW)
  expect([await built(busy), await built(busy)]).toEqual(['1', '2'])
  const idle = open(SLOW, { idleMs: 20 })
  await built(idle)
  await eventually(async () => {
    await Bun.sleep(200)
    return (await built(idle)) === '1'
  })
})
