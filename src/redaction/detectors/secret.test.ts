import { expect, test } from 'bun:test'
import { secret } from './secret.ts'

test('two web tokens with one character between them are both found', () => {
  const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh1234'
  const found = secret.match(`${token},${token}`).map(({ start, end }) => [start, end])
  expect(found).toEqual([
    [0, token.length],
    [token.length + 1, 2 * token.length + 1],
  ])
})

test('a URL is waited for as long as it may have a password, with punctuation too', () => {
  const url = 'see postgres://user:pa!ss(word@db.example.com/x'
  const at = url.indexOf('@')
  for (let cut = url.indexOf('!'); cut <= at; cut++)
    expect(secret.open(url.slice(0, cut))).toBeLessThanOrEqual(url.indexOf(':'))
})
