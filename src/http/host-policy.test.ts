import { expect, test } from 'bun:test'
import { HostPolicy } from './host-policy.ts'
import { readHost } from './request-host.ts'

test('a host is read with its port and without, and what is none is not', () => {
  expect(readHost('LocalHost.:8080')).toEqual({ authority: 'localhost.:8080', name: 'localhost' })
  expect(readHost('[::1]:80')).toEqual({ authority: '[::1]:80', name: '::1' })
  expect(readHost('a_b-c.internal')).toEqual({ authority: 'a_b-c.internal', name: 'a_b-c.internal' })
  expect(readHost(null)).toEqual({ authority: '', name: '' })
  for (const text of [
    '',
    ' ',
    'a, b',
    'a,b',
    'a, ',
    ', a',
    'a b',
    'a/b',
    'a@b',
    'a?b',
    'a#b',
    'a:b',
    'a:1:2',
    '::1',
    '[::1',
    'é',
  ])
    expect([text, readHost(text)]).toEqual([text, undefined])
})

test('names of this machine, configured ones, and the address that a connection came in on are the gateway’s', () => {
  const policy = new HostPolicy({
    names: ['0.0.0.0', 'Gateway.Internal.', '[2001:db8::7]'],
    isOwnAddress: (address) => ['192.0.2.2', '127.0.0.1', '::1'].includes(address),
  })
  const allows = (host: string | null, peer: string): boolean => policy.allows(readHost(host)!, peer)
  for (const host of [
    'localhost',
    'a.localhost:1',
    '127.255.0.1',
    '[::1]',
    'host.docker.internal',
    'gateway.internal',
    '[2001:db8::7]',
    '0.0.0.0',
    null,
  ])
    expect([host, allows(host, '192.0.2.9')]).toEqual([host, true])
  for (const host of [
    'evil.example',
    '127.0.0.1.evil.example',
    '127.0.0',
    '127.0.0.1.2',
    '192.0.2.3',
    'xlocalhost',
    '[::2]',
    'docker.internal',
  ])
    expect([host, allows(host, '192.0.2.9')]).toEqual([host, false])
  expect([allows('192.0.2.2:8080', '192.0.2.9'), allows('192.0.2.2:8080', '127.0.0.1')]).toEqual([
    true,
    false,
  ])
})
