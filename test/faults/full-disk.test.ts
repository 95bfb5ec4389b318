import { expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { runProgram, serveProgram } from '../support/process.ts'
import { balanced, pipeline } from '../support/pipeline.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

/** No file may be larger than 2 MiB: as far as a process can tell, a disk that is full. POSIX counts in blocks of 512 bytes. */
const FULL = ['sh', '-c', `trap '' XFSZ; ulimit -f 4096; exec "$@"`, 'sh']

test('a disk that is full costs no request; what was written before is whole, and what waited in the journal is stored when there is room', async () => {
  const upstream = await Upstream.start(
    respondJson({
      id: 'x',
      model: 'gpt-5.4-mini',
      choices: [],
      usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 },
    }),
  )
  const settings = `storage: {path: ./traces.db}
providers: {openai: {upstream: "${upstream.url}"}}
tracing: {capture_bodies: true}
pii: {mode: "off"}
`
  const gateway = await serveProgram(settings, undefined, { under: FULL })
  const statuses = new Set<number>()
  const send = async (): Promise<void> => {
    // What cannot be compressed fills the disk sooner.
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString('base64')
    const answer = await fetch(`${gateway.url}/openai/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-0123456789', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.4-mini', messages: [{ role: 'user', content: noise }] }),
    })
    await answer.arrayBuffer()
    statuses.add(answer.status)
  }
  // More than the store may hold, and more than journal and store together.
  for (let i = 0; i < 60; i++) await Promise.all([send(), send(), send(), send()])
  await eventually(async () => {
    const { stored_total, enqueue_accepted_total } = await pipeline(gateway)
    return stored_total > 0 && stored_total < enqueue_accepted_total
  })
  expect(statuses).toEqual(new Set([200]))
  // Until nothing moves any more: what is in the store, in the journal and in memory.
  let full = await pipeline(gateway)
  for (let still = 0; still < 5; still++) {
    await Bun.sleep(100)
    const now = await pipeline(gateway)
    if (!Bun.deepEquals(now, full)) still = 0
    full = now
    expect([now, balanced(now)]).toEqual([now, true])
  }
  expect(full.enqueue_accepted_total).toBe(240)
  expect([full.quarantined_total, full.write_dropped_total]).toEqual([0, 0])
  expect(full.journal_records).toBeGreaterThan(0)
  // The answer is served; the record says where it stands.
  expect(((await (await fetch(`${gateway.url}/api/health`)).json()) as { status: string }).status).toBe(
    'degraded',
  )
  expect(gateway.output()).toContain('trace store does not take traces; they go to the journal')
  gateway.kill('SIGKILL')
  await gateway.exited()

  const again = await gateway.restart()
  await eventually(async () => {
    const { journal_records, queue_depth } = await pipeline(again)
    return journal_records + queue_depth === 0
  })
  const { trace_count } = (await (await fetch(`${again.url}/api/health`)).json()) as { trace_count: number }
  // What had been in memory alone died with the process, unless what was known of it was journalled before.
  expect(trace_count).toBeGreaterThanOrEqual(full.stored_total + full.journal_records)
  expect(trace_count).toBeLessThanOrEqual(240)
  const checked = await runProgram(['db', 'check'], { cwd: again.folder })
  expect([checked.status, checked.err]).toEqual([0, ''])
  again.kill('SIGTERM')
  expect(await again.exited()).toBe(0)
  again.remove()
  await upstream.stop()
})
