import { expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

const FIXTURE = new URL('../fixtures/dying-inspection.ts', import.meta.url).href

test('a policy that fails refuses with 503, in the words of the route; the next question starts anew', async () => {
  const upstream = await Upstream.start(respondJson({ ok: true }))
  const gateway = await openGateway(`${providersAt(upstream.url)}pii: {mode: redact_upstream}\n`)
  // Threads are real ones; the one that looks through content is given a program that dies.
  const Real = globalThis.Worker
  globalThis.Worker = class extends Real {
    constructor(url: string | URL) {
      super(String(url).includes('inspection-worker') ? FIXTURE : url)
    }
  }
  try {
    const large = JSON.stringify({ filler: 'Nothing. '.repeat(10_000), to: 'alice@example.com' })
    const ask = (path: string, body: string): Promise<Response> =>
      fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
    const refused = await ask('/anthropic/v1/messages', large)
    expect([refused.status, await refused.json()]).toEqual([
      503,
      expect.objectContaining({
        type: 'error',
        error: expect.objectContaining({
          code: 'pii_unavailable',
          message: 'request denied by pii guardrail policy uncertainty',
        }) as unknown,
      }),
    ])
    expect(upstream.requests).toEqual([])
    const line = gateway.lines.find(({ message }) => message === 'pii guardrail denied request')!
    expect(line.fields).toMatchObject({
      reason: 'policy_evaluation_failed',
      error: expect.stringContaining('no memory left') as string,
    })
    const id = refused.headers.get('x-ongoingai-trace-id')
    await eventually(async () => (await gateway.detail(id))['error_code'] === 'pii_unavailable')
    globalThis.Worker = Real
    expect((await ask('/openai/v1/chat/completions', large)).status).toBe(200)
    expect(upstream.last.body.toString()).not.toContain('alice')
  } finally {
    globalThis.Worker = Real
    await gateway.stop()
    await upstream.stop()
  }
})
