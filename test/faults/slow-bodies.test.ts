import { expect, setDefaultTimeout, test } from 'bun:test'
import { openGateway, providersAt } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

/** What the detector of secrets once took minutes for. */
const BEGINNINGS_OF_TOKENS = `${'eyJ'.repeat(150_000)}.${'a'.repeat(450_000)}`
const KEYS_OF_HYPHENS = `${'xoxb-'.repeat(60_000)}${'-'.repeat(300_000)}`

/** A pattern that looks to the end of the text from each `a`, and a text of them. */
const SLOW_PATTERN = "detectors: {custom: [{name: slow, pattern: 'a(?:[^x]*b)?'}]}"
const SLOW = 'a'.repeat(200_000)

const ask = (url: string, content: string, fields: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sk-test', ...fields },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }),
  })
const traceId = (response: Response): string => response.headers.get('x-ongoingai-trace-id')!

test('bodies made to be slow are redacted and stored like any other', async () => {
  const upstream = await Upstream.start(respondJson({ ok: true }))
  const gateway = await openGateway(
    `${providersAt(upstream.url)}tracing: {capture_bodies: true}\npii: {mode: redact_upstream}\n`,
  )
  try {
    const texts = [BEGINNINGS_OF_TOKENS, KEYS_OF_HYPHENS, 'to alice@example.com']
    const answers = await Promise.all(texts.map((content) => ask(gateway.url, content)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    await gateway.traces(3)
    for (const [i, answer] of answers.entries()) {
      const { metadata, request_body: body } = await gateway.detail(traceId(answer))
      expect(metadata).not.toHaveProperty('redaction_dropped')
      expect(String(body).length).toBeGreaterThan(i === 2 ? 50 : 100_000)
    }
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
})

test('a body that takes too long is stored without content and says so, and what follows is recorded', async () => {
  const upstream = await Upstream.start(respondJson({ ok: true }))
  const gateway = await openGateway(
    `${providersAt(upstream.url)}tracing: {capture_bodies: true}\npii: {mode: redact_storage, ${SLOW_PATTERN}}\n`,
  )
  try {
    const slow = await ask(gateway.url, SLOW)
    const others = await Promise.all(['b', 'c', 'd'].map((content) => ask(gateway.url, content)))
    expect([slow, ...others].map(({ status }) => status)).toEqual([200, 200, 200, 200])
    await gateway.traces(4)
    const stored = await gateway.detail(traceId(slow))
    expect(stored['request_body'] ?? null).toBeNull()
    expect(stored['response_body']).toContain('ok')
    expect(stored['metadata']).toMatchObject({
      redaction_storage_drop: true,
      redaction_dropped: { request: 'redaction failed: looking through it took longer than 2000 ms' },
    })
    for (const other of others)
      expect((await gateway.detail(traceId(other)))['request_body']).toContain('"m"')
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
})

test('one tenant’s content that takes too long is refused, and another’s passes meanwhile', async () => {
  const upstream = await Upstream.start(respondJson({ ok: true }))
  const keys = ['a', 'b'].map(
    (name) =>
      `    - {id: ${name}, token: token-of-${name}-0123456789abcdef, org_id: org-${name}, workspace_id: ws}\n`,
  )
  const gateway = await openGateway(
    `${providersAt(upstream.url)}auth:\n  enabled: true\n  keys:\n${keys.join('')}pii: {mode: redact_upstream, ${SLOW_PATTERN}}\n`,
  )
  const keyOf = (name: string): Record<string, string> => ({
    'x-ongoingai-gateway-key': `token-of-${name}-0123456789abcdef`,
  })
  try {
    const ended: string[] = []
    const slow = ask(gateway.url, SLOW, keyOf('a')).then(async (response) => {
      ended.push('a')
      return [response.status, ((await response.json()) as { error: { code: string } }).error.code]
    })
    for (let i = 0; i < 3; i++) {
      const answer = await ask(gateway.url, `${'Noise. '.repeat(20_000)} to bob@xmpl.com`, keyOf('b'))
      ended.push('b')
      expect(answer.status).toBe(200)
      expect(upstream.last.body.toString()).not.toContain('bob@')
    }
    expect(ended).toEqual(['b', 'b', 'b'])
    expect(await slow).toEqual([503, 'pii_unavailable'])
  } finally {
    await gateway.stop()
    await upstream.stop()
  }
})
