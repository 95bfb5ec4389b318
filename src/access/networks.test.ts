import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { containsNetwork, inNetworks, parseNetwork } from './networks.ts'

const within = (address: string, ...networks: string[]): boolean =>
  inNetworks(
    address,
    networks.map((text) => parseNetwork(text)!),
  )

describe('networks', () => {
  test('addresses lie in the networks that they lie in', () => {
    for (const [address, network, expected] of [
      ['10.1.2.3', '10.0.0.0/8', true],
      ['11.1.2.3', '10.0.0.0/8', false],
      ['10.1.2.3', '10.1.2.3', true],
      ['10.1.2.4', '10.1.2.3', false],
      ['192.0.2.129', '192.0.2.128/25', true],
      ['192.0.2.127', '192.0.2.128/25', false],
      ['255.255.255.255', '0.0.0.0/0', true],
      ['::1', '0.0.0.0/0', false],
      ['::ffff:10.1.2.3', '10.0.0.0/8', true],
      ['10.1.2.3', '::ffff:10.0.0.0/104', true],
      ['2001:db8::1', '2001:db8::/32', true],
      ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', true],
      ['2001:db9::1', '2001:db8::/32', false],
      ['fe80::1%eth0', 'fe80::/10', true],
      ['10.1.2.3', '::/0', true],
      ['', '0.0.0.0/0', false],
      ['10.0.0.1, 10.0.0.2', '10.0.0.0/8', false],
      ['010.0.0.1', '10.0.0.0/8', false],
    ] as const) {
      expect([address, network, within(address, network)]).toEqual([address, network, expected])
    }
  })

  test('what is no network is none', () => {
    for (const text of [
      '',
      '10.0.0',
      '10.0.0.0.0',
      '10.0.0.256',
      '10.0.0.0/33',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      '10.0.0.0/-1',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '::/129',
      '12345::',
      'localhost',
      '*',
    ]) {
      expect([text, parseNetwork(text)]).toEqual([text, undefined])
    }
  })

  test('a network holds another when it holds its first address and is no longer', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(32), fc.ipV4(), fc.nat(32), (a, aBits, b, bBits) => {
        const [outer, inner] = [parseNetwork(`${a}/${aBits}`)!, parseNetwork(`${b}/${bBits}`)!]
        expect(containsNetwork(outer, inner)).toBe(aBits <= bBits && inNetworks(b, [outer]))
        expect(containsNetwork(outer, outer)).toBe(true)
      }),
    )
  })
})
