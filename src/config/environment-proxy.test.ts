import { expect, test } from 'bun:test'
import { environmentProxy } from './environment-proxy.ts'

const proxyOf = (upstream: string, environment: Record<string, string>): string | undefined =>
  environmentProxy(new URL(upstream), environment)?.proxy

test('the scheme of an upstream chooses the variable; lower case goes first, ALL_PROXY last', () => {
  const all = { HTTP_PROXY: 'http://h', HTTPS_PROXY: 'http://s', ALL_PROXY: 'http://a' }
  expect(proxyOf('http://x.test', all)).toBe('http://h')
  expect(proxyOf('https://x.test', all)).toBe('http://s')
  expect(proxyOf('https://x.test', { ...all, https_proxy: 'http://low' })).toBe('http://low')
  expect(proxyOf('https://x.test', { ...all, HTTPS_PROXY: ' ' })).toBe('http://a')
  expect(proxyOf('https://x.test', { HTTP_PROXY: 'http://h' })).toBeUndefined()
  expect(proxyOf('https://x.test', { HTTPS_PROXY: 'proxy.corp:3128' })).toBe('http://proxy.corp:3128')
})

test('NO_PROXY exempts hosts by name, by what is below a name, by address, network and port', () => {
  for (const [upstream, exempt, direct] of [
    ['https://api.example.com', 'api.example.com', true],
    ['https://api.example.com', 'API.EXAMPLE.COM', true],
    ['https://api.example.com', 'example.com', true],
    ['https://api.example.com.', 'example.com', true],
    ['https://api.example.com', 'a.test, example.com', true],
    ['https://api.example.com', 'a.test example.com', true],
    ['https://api.example.com', '.example.com', true],
    ['https://api.example.com', '*.example.com', true],
    ['https://api.example.com', '*', true],
    ['https://api.example.com', 'api.example.com:443', true],
    ['https://api.example.com', 'api.example.com:8443', false],
    ['https://api.example.com:8443', 'example.com:8443', true],
    ['https://example.com', '.example.com', false],
    ['https://notexample.com', 'example.com', false],
    ['https://api.example.com', '', false],
    ['https://api.example.com', ':443', false],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://10.1.2.3', '10.1.2.3:443', true],
    ['https://10.1.2.3', '11.0.0.0/8', false],
    ['https://[2001:db8::1]', '2001:db8::/32', true],
    ['https://[2001:db8::1]', '[2001:db8::1]:443', true],
    ['https://[2001:db8::1]', '2001:db8::2', false],
    // Upstreams on this machine.
    ['https://localhost:1', '', true],
    ['https://model.localhost', '', true],
    ['https://127.8.8.8', '', true],
    ['https://[::1]', '', true],
  ] as const) {
    const proxied = proxyOf(upstream, { HTTPS_PROXY: 'http://s', NO_PROXY: exempt })
    expect([upstream, exempt, proxied === undefined]).toEqual([upstream, exempt, direct])
  }
})
