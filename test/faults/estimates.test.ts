import { expect, setDefaultTimeout, test } from 'bun:test'
import { openGateway } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(120_000)

test('texts that take long to count hold no other record up, and are all estimated in the end', async () => {
  const upstream = await Upstream.start(respondJson({ id: 'x', model: 'gpt-5.4-mini', choices: [] }))
  const reporting = await Upstream.start(
    respondJson({
      model: 'gpt-5.4-mini',
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    }),
  )
  const gateway = await openGateway(
    `providers: {openai: {upstream: "${upstream.url}"}, reporting: {upstream: "${reporting.url}", prefix: /reporting, api: openai}}\n`,
  )
  const send = async (provider: string, content: string): Promise<string> => {
    const answer = await fetch(`${gateway.url}/${provider}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-5.4-mini', messages: [{ role: 'user', content }] }),
    })
    await answer.arrayBuffer()
    return answer.headers.get('x-ongoingai-trace-id')!
  }
  // Noise has no words: byte pair encoding works longest on it.
  const noise = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(45_000))).toString('base64')
  for (let i = 0; i < 15; i++) await Promise.all([1, 2, 3, 4].map(() => send('openai', noise())))
  const quick = await send('reporting', 'Hello')
  while ((await fetch(`${gateway.url}/api/traces/${quick}`)).status !== 200) await Bun.sleep(5)
  expect(gateway.gateway.diagnostics().stored_total).toBeLessThan(61)
  for (const trace of await gateway.traces(61)) {
    if (trace['id'] === quick) expect(trace).toMatchObject({ usage_source: 'reported', total_tokens: 5 })
    else {
      expect(trace['usage_source']).toBe('estimated')
      // Noise has some 1.5 characters a token; without counting, four are taken.
      expect(Number(trace['input_tokens'])).toBeGreaterThan(14_000)
    }
  }
  await gateway.stop()
  await upstream.stop()
  await reporting.stop()
})
