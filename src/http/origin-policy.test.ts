import { describe, expect, test } from 'bun:test'
import { OriginPolicy, type Door, type OriginVerdict, type PageFacts } from './origin-policy.ts'
import { readHost } from './request-host.ts'

const NEIGHBOUR = '192.0.2.9'

function facts({
  origin,
  site,
  host = 'gateway.example:8080',
  peer = NEIGHBOUR,
}: {
  origin?: string
  site?: string
  host?: string
  peer?: string
}): PageFacts {
  return { origin, site, host: readHost(host)!, peer }
}

describe('what a page may, by what it asks for', () => {
  const policy = new OriginPolicy({ listed: ['https://app.example'], publicUrl: '' })
  test.each<[Parameters<typeof facts>[0], Record<Door, OriginVerdict>]>([
    [{}, { management: 'none', provider: 'none', 'provider with key': 'none', open: 'none' }],
    [
      { origin: 'https://evil.example', site: 'same-origin' },
      { management: 'refused', provider: 'refused', 'provider with key': 'allowed', open: 'none' },
    ],
    [
      { origin: 'null' },
      { management: 'refused', provider: 'refused', 'provider with key': 'refused', open: 'none' },
    ],
    [
      { origin: '' },
      { management: 'refused', provider: 'refused', 'provider with key': 'allowed', open: 'none' },
    ],
    [
      { origin: 'https://app.example', site: 'cross-site' },
      { management: 'allowed', provider: 'allowed', 'provider with key': 'allowed', open: 'allowed' },
    ],
    [
      { origin: 'http://localhost:3000' },
      { management: 'refused', provider: 'allowed', 'provider with key': 'allowed', open: 'none' },
    ],
    [
      { origin: 'tauri://localhost' },
      { management: 'refused', provider: 'allowed', 'provider with key': 'allowed', open: 'none' },
    ],
    [
      { origin: 'http://gateway.example:8080' },
      { management: 'allowed', provider: 'allowed', 'provider with key': 'allowed', open: 'allowed' },
    ],
    [
      { site: 'cross-site' },
      { management: 'refused', provider: 'refused', 'provider with key': 'none', open: 'none' },
    ],
    [
      { site: 'same-site' },
      { management: 'refused', provider: 'none', 'provider with key': 'none', open: 'none' },
    ],
    [{ site: 'none' }, { management: 'none', provider: 'none', 'provider with key': 'none', open: 'none' }],
  ])('%j', (page, verdicts) => {
    for (const [door, verdict] of Object.entries(verdicts))
      expect([door, policy.judge(door as Door, facts(page))]).toEqual([door, verdict])
  })
})

test('with a public address, host and port of the request are the gateway’s own for this machine only', () => {
  const policy = new OriginPolicy({ listed: [], publicUrl: 'https://gateway.example/console/' })
  const judge = (page: Parameters<typeof facts>[0]): OriginVerdict => policy.judge('management', facts(page))
  expect(judge({ origin: 'https://gateway.example', host: 'inner' })).toBe('allowed')
  expect(judge({ origin: 'http://inner', host: 'inner' })).toBe('refused')
  for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
    expect([peer, judge({ origin: 'http://inner', host: 'inner', peer })]).toEqual([peer, 'allowed'])
  expect(judge({ origin: 'http://inner', host: 'inner', peer: '' })).toBe('refused')
})
