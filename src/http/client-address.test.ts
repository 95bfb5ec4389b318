import { expect, test } from 'bun:test'
import { parseNetwork } from '../access/networks.ts'
import { clientAddress } from './client-address.ts'

test('only trusted proxies tell the client address, each for the one before it', () => {
  const trusted = ['10.0.0.0/8', '::1'].map((text) => parseNetwork(text)!)
  for (const [connection, forwarded, expected] of [
    ['192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['10.0.0.1', null, '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', 'made-up, 198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '127.0.0.1, 198.51.100.7, 10.0.0.2', '198.51.100.7'],
    ['10.0.0.1', '10.0.0.9, 10.0.0.2', '10.0.0.9'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7,', '10.0.0.1'],
    ['::1', '[2001:db8::7]:4711', '2001:db8::7'],
  ] as const) {
    expect([forwarded, clientAddress(connection, forwarded, trusted)]).toEqual([forwarded, expected])
  }
  expect(clientAddress('10.0.0.1', '198.51.100.7', [])).toBe('10.0.0.1')
})
