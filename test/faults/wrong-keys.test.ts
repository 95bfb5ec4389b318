import { expect, test } from 'bun:test'
import { eventually } from '../support/eventually.ts'
import { openGateway, providersAt } from '../support/gateway.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

const TOKEN = 'owner-token-0123456789abcdef'

/** How many wrong keys are tried. */
const WRONG = Number(process.env['TEST_WRONG_KEYS'] ?? 5000)

test('thousands of wrong keys are refused, told in short, and harm nobody who has a right one', async () => {
  const upstream = await Upstream.start(respondJson({ ok: true }))
  const gateway = await openGateway(
    `${providersAt(upstream.url)}auth:\n  enabled: true\n  keys: [{id: k, token: ${TOKEN}, role: owner, scope: organization}]\n`,
    { 'X-OngoingAI-Gateway-Key': TOKEN },
  )
  const startedAt = performance.now()
  let refused = 0
  await Promise.all(
    Array.from({ length: 64 }, async (_, worker) => {
      for (let i = worker; i < WRONG; i += 64) {
        // Half of them at the door of a provider, where exchanges are recorded.
        const path = i % 2 === 0 ? '/api/traces' : '/openai/v1/models'
        const response = await fetch(`${gateway.url}${path}`, {
          headers: { 'X-OngoingAI-Gateway-Key': `wrong-key-number-${i}-0123456789` },
        })
        await response.arrayBuffer()
        if (response.status === 401) refused += 1
        if (i % 500 === 0) {
          const right = await fetch(`${gateway.url}/api/gateway-keys`, {
            headers: { 'X-OngoingAI-Gateway-Key': TOKEN },
          })
          expect(right.status).toBe(200)
        }
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  expect(refused).toBe(WRONG)
  const denials = (): typeof gateway.lines =>
    gateway.lines.filter(({ message }) => message === 'audit gateway auth deny')
  // Ten seconds are a window: fifty lines each, and one that sums up the others.
  await eventually(() => denials().some(({ fields }) => Number(fields['denials']) > 0), 20_000)
  const windows = Math.ceil(seconds / 10) + 1
  expect(denials().length).toBeLessThanOrEqual(windows * 51)
  await eventually(() => {
    const told = denials().reduce((sum, { fields }) => sum + Number(fields['denials'] ?? 1), 0)
    return told === WRONG
  }, 20_000)
  let events: { reason: string; detail?: Record<string, unknown> }[] = []
  await eventually(async () => {
    const response = await fetch(`${gateway.url}/api/audit?limit=500&action=gateway_auth`, {
      headers: { 'X-OngoingAI-Gateway-Key': TOKEN },
    })
    events = ((await response.json()) as { items: typeof events }).items
    return events.some(({ detail }) => Number(detail?.['denials']) > 0)
  })
  expect(events.length).toBeLessThanOrEqual(windows * 51)
  const { accepted, lines } = {
    accepted: gateway.gateway.diagnostics().enqueue_accepted_total,
    lines: gateway.lines.filter(({ fields }) => fields['status'] === 401).length,
  }
  expect([accepted <= windows * 50, lines <= windows * 50]).toEqual([true, true])
  expect(events.every(({ reason }) => reason === 'invalid_gateway_key')).toBe(true)
  console.log(
    `${WRONG} wrong keys in ${seconds.toFixed(1)} s: ${denials().length} lines, ${events.length} events`,
  )
  await gateway.stop()
  await upstream.stop()
}, 60_000)
