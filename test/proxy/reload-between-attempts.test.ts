import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { openGateway } from '../support/gateway.ts'
import { respond, respondJson, Upstream, type Play } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// The settings change while the first target has the request: the next attempt goes by the new ones.

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function upstreamThat(play: Play): Promise<Upstream> {
  const upstream = await Upstream.start(play)
  stops.push(() => upstream.stop())
  return upstream
}

const settings = (first: Upstream, second: Upstream, region = 'eu'): string => `
providers:
  one: { upstream: "${first.url}", prefix: /one, api: openai, region: eu }
  two: { upstream: "${second.url}", prefix: /two, api: openai, region: ${region} }
models:
  - name: small
    targets: [{ provider: one, model: a }, { provider: two, model: b, tier: 2 }]
    require: { region: [eu] }
`

test.each([
  ['is removed', (text: string) => text.replace(/ {2}two: .*\n/, '').replace(/, \{ provider: two.*?\}/, '')],
  [
    'meets the requirement no longer',
    (text: string) => text.replace('region: eu }\nmodels', 'region: us }\nmodels'),
  ],
])('a target that %s gets no attempt of requests that began before', async (_, change) => {
  let reload = async (): Promise<void> => {}
  const second = await upstreamThat(respondJson({ id: 'x', choices: [] }))
  const first = await upstreamThat(async (request, socket) => {
    await reload()
    await respond(
      500,
      { 'Content-Type': 'application/json' },
      '{"error":{"message":"first"}}',
    )(request, socket)
  })
  const before = settings(first, second)
  expect(change(before)).not.toBe(before)
  const gateway = await openGateway(before)
  stops.push(() => gateway.stop())
  reload = async () => {
    const file = join(gateway.folder, 'next.yaml')
    writeFileSync(file, `storage: {path: ${gateway.folder}/data/traces.db}\n${change(before)}`)
    const { config } = loadConfig(file, {})
    await gateway.gateway.reload({ ...config, server: { ...config.server, port: gateway.port } })
  }
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'small', messages: [] }),
  })
  expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('first')])
  expect(second.requests).toEqual([])
  expect(gateway.lines.filter(({ message }) => message === 'internal error')).toEqual([])
})
