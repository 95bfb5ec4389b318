import { expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { serveProgram } from '../support/process.ts'
import { stream, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

/** Longer than every time-out of the exchange. */
const PAUSED_MS = 4000

// Windows cannot pause a process by a signal.
test.skipIf(process.platform === 'win32')(
  'a gateway that was paused for longer than its time-outs cuts nothing; those that happen after it strike',
  async () => {
    const waiting: (() => void)[] = []
    const upstream = await Upstream.start(
      stream(['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n'], {
        between: (index) => (index > 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
      }),
    )
    const streams = upstream.play
    const answers: (() => void)[] = []
    upstream.play = async (request, socket) => {
      if (request.target.includes('late')) await new Promise<void>((resolve) => answers.push(resolve))
      await streams(request, socket)
    }
    const gateway = await serveProgram(
      `providers: {openai: {upstream: "${upstream.url}", timeouts: {connect_ms: 2000, first_byte_ms: 2000, idle_ms: 2000, total_ms: 3000}}}\n`,
    )
    const open = async () => {
      const answer = await fetch(`${gateway.url}/openai/v1/chat/completions`, { method: 'POST', body: '{}' })
      const reader = answer.body!.getReader()
      expect(Buffer.from((await reader.read()).value).toString()).toBe('data: 1\n\n')
      return reader
    }
    const live = await open()
    // Nothing has come of this one yet.
    const late = fetch(`${gateway.url}/openai/v1/late`, { method: 'POST', body: '{}' })
    await eventually(() => answers.length === 1)

    gateway.kill('SIGSTOP')
    await Bun.sleep(PAUSED_MS)
    gateway.kill('SIGCONT')
    // It serves again, so its timers have run.
    for (let i = 0; i < 5; i++) expect((await fetch(`${gateway.url}/api/ready`)).status).toBe(200)
    for (const go of [...answers, ...waiting.splice(0)]) go()
    expect(Buffer.from((await live.read()).value).toString()).toStartWith('data: 2\n\n')
    while (!(await live.read()).done);
    await eventually(() => waiting.length === 1)
    waiting.pop()!()
    const answer = await late
    expect([answer.status, await answer.text()]).toEqual([200, 'data: 1\n\ndata: 2\n\ndata: 3\n\n'])

    const silent = await open()
    expect(await silent.read().catch(() => 'broken off')).toBe('broken off')
    let items: { outcome: string; error_code?: string }[] = []
    await eventually(async () => {
      const list = await (await fetch(`${gateway.url}/api/traces`)).json()
      items = (list as { items: typeof items }).items
      return items.length === 3
    })
    expect(items.map(({ outcome, error_code }) => `${outcome} ${error_code ?? ''}`).toSorted()).toEqual([
      'completed ',
      'completed ',
      'upstream_failed upstream_idle_timeout',
    ])
    gateway.remove()
    await upstream.stop()
  },
)
