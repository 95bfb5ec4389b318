import { expect, test } from 'bun:test'
import { judgeBody } from './bodies.ts'
import type { Counts } from './edits.ts'
import { HashedPlaceholders, originalHash } from './placeholders.ts'
import { Redaction } from './redaction.ts'
import type { RedactionSettings } from './settings.ts'
import { SETTINGS } from '../../test/support/redaction-settings.ts'
import type { TextRules } from './text-rules.ts'

// The golden vectors of the original (empty salt, workspace `default`), but where a difference is on purpose.

const tenant = { organizationId: 'default', workspaceId: 'default' }

/** Rules with the original's placeholders without a salt. */
function rules(settings: Partial<RedactionSettings> = {}): TextRules {
  const known = new Redaction({ ...SETTINGS, ...settings }).rulesOf(tenant)
  return {
    ...known,
    placeholders: { of: (type, value) => `[${type}_REDACTED:${originalHash('default', '', value)}]` },
  }
}

function redacted(text: string, settings: Partial<RedactionSettings> = {}, mediaType = ''): [string, Counts] {
  const verdict = judgeBody(Buffer.from(text), mediaType, rules(settings))
  if (verdict.kind === 'uninspectable') throw new Error(verdict.reason)
  return [Buffer.from(verdict.content).toString(), verdict.counts]
}

test('hashes are the original’s when there is a salt', () => {
  const hash = (value: string): string => originalHash('default', '', value)
  expect(hash('alice@example.com')).toBe('2d739b52634264d0')
  expect(hash('415-555-1212')).toBe('dd273a5e7820a9f6')
  expect(hash('123-45-6789')).toBe('3e489c1cfc02f1d6')
  expect(hash('sk_test_1234567890')).toBe('bca3bff2dabba277')
  expect(hash('ghp_abcd1234efgh5678')).toBe('77c148b7b33b6ab0')
  expect(hash('')).toBe('30c78e830e325fb3')
  const salted = new HashedPlaceholders(
    { ...SETTINGS, hashSalt: 'salt', format: '  ' },
    { organizationId: 'org', workspaceId: 'workspace-a' },
  )
  expect(salted.of('email', 'alice@example.com')).toBe('[EMAIL_REDACTED:ee03cb01b2aa4ca0]')
})

test('without a salt equal values are equal within a workspace and nowhere else', () => {
  const of = (organizationId: string, workspaceId: string, hashKey = 'k'): string =>
    new HashedPlaceholders({ ...SETTINGS, hashKey }, { organizationId, workspaceId }).of('EMAIL', 'a@b.com')
  expect(of('a', 'default')).toBe(of('a', 'default'))
  expect(
    new Set([of('a', 'default'), of('b', 'default'), of('a', 'x'), of('a', 'default', 'other')]).size,
  ).toBe(4)
  expect(of('a', 'b/c')).not.toBe(of('a/b', 'c'))
})

test.each([
  ['mail alice@example.com now', 'mail [EMAIL_REDACTED:2d739b52634264d0] now'],
  ['a.b+c%d_e-f@sub.example.co.uk.', '[EMAIL_REDACTED:45a7c55d58d882c2].'],
  ['a@b.com,c@d.org', '[EMAIL_REDACTED:aa2d9d28ff970167],[EMAIL_REDACTED:186dc272626b2a1a]'],
  ['a@b.c; a@b.com1', 'a@b.c; a@b.com1'],
  ['x+14155551212', 'x[PHONE_REDACTED:de8b5e878874afa9]'],
  ['415\n555\n1212', '[PHONE_REDACTED:a4dde9b85221049c]'],
  ['415  555 1212', '415  555 1212'],
  ['415\u{a0}555\u{a0}1212', '415\u{a0}555\u{a0}1212'],
  ['555-1212', '555-1212'],
  ['4155551212', '4155551212'],
  ['123-45-6789', '[SSN_REDACTED:3e489c1cfc02f1d6]'],
  ['x123-45-6789; 123-45-67890; 123456789', 'x123-45-6789; 123-45-67890; 123456789'],
  ['SK_LIVE_ABCDEFGH', '[TOKEN_REDACTED:0713ffb83c4251e2]'],
  ['pat_abcdefg', 'pat_abcdefg'],
  ['sk_abcdefgh-', '[TOKEN_REDACTED:874abf9f0000d6f9]-'],
  ['xeyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh1234', 'x[TOKEN_REDACTED:4de5f333d7278717]'],
  ['sk_test_1234567890@example.com', '[EMAIL_REDACTED:64599301afce9fea]'],
  // Unlike the original: names of members are looked through too.
  ['{"alice@example.com":"x"}', '{"[EMAIL_REDACTED:2d739b52634264d0]":"x"}'],
  ['"alice@example.com"', '"[EMAIL_REDACTED:2d739b52634264d0]"'],
  ['{ "z": 1, "a": [ {"y":2,"b":3} ] }', '{ "z": 1, "a": [ {"y":2,"b":3} ] }'],
])('%j', (text, wanted) => {
  expect(redacted(text)[0]).toBe(wanted)
})

test('fields by their names, in their order', () => {
  expect(
    redacted(
      '{"email":"alice@example.com","profile":{"phone":"415-555-1212"},"api_key":"sk_test_1234567890"}',
    ),
  ).toEqual([
    '{"email":"[FIELD_REDACTED:2d739b52634264d0]","profile":{"phone":"[FIELD_REDACTED:dd273a5e7820a9f6]"},"api_key":"[FIELD_REDACTED:bca3bff2dabba277]"}',
    { field_name: 3 },
  ])
})

test('max_tokens is no secret, and a number is never replaced', () => {
  const text =
    '{"model":"gpt-4o-mini","max_tokens":128,"messages":[{"role":"user","content":"email alice@example.com"}]}'
  expect(redacted(text)).toEqual([
    '{"model":"gpt-4o-mini","max_tokens":128,"messages":[{"role":"user","content":"email [EMAIL_REDACTED:2d739b52634264d0]"}]}',
    { email: 1 },
  ])
  const same =
    '{"token":5,"secret":true,"max_completion_tokens":1e400,"class_name":"x","telephone":"x","n":12345678901234567890, "e":1E5}'
  expect(redacted(same)).toEqual([same, {}])
})

// Unlike the original's, null and an empty string stay: there is nothing to hide.
test('objects and arrays under a denied name are replaced whole, and hash as Go writes them; null and "" stay', () => {
  expect(redacted('{"secret": {"b":1,"a":[1,2,"<x>"]}, "token":[] , "E-Mail":null,"pass_word":""}')).toEqual([
    '{"secret": "[FIELD_REDACTED:fabd265ade001a7a]", "token":"[FIELD_REDACTED:81df5bfa6fd54de5]" , "E-Mail":null,"pass_word":""}',
    { field_name: 2 },
  ])
})

test('names match whole; the blank ones of a list do not count', () => {
  const denied = `[FIELD_REDACTED:${originalHash('default', '', '1')}]`
  expect(redacted('{"xyz":"1","AxYzB":"2","email":"p"}', { deniedNames: [' ', 'X-Y_z'] })[0]).toBe(
    `{"xyz":"${denied}","AxYzB":"2","email":"p"}`,
  )
})

test('JSON that is cut off keeps its field names’ rule', () => {
  expect(redacted('{"email":"alice@example.com","api_key":"topsecret')[0]).toBe(
    `{"email":"[FIELD_REDACTED:2d739b52634264d0]","api_key":"[FIELD_REDACTED:${originalHash('default', '', 'topsecret')}]`.replace(
      /$/,
      '',
    ),
  )
})

test('a placeholder’s format', () => {
  const placeholders = new HashedPlaceholders(
    { format: '[MASK:{type}:{hash}:{type}]', hashSalt: 's', hashKey: '' },
    tenant,
  )
  expect(placeholders.of('email', 'x')).toBe(`[MASK:EMAIL:${originalHash('default', 's', 'x')}:EMAIL]`)
})

test('bytes that are no text cannot be looked into', () => {
  expect(judgeBody(new Uint8Array([0xff, 0xfe, 0xfd]), 'text/plain', rules())).toEqual({
    kind: 'uninspectable',
    reason: 'non-json body is not valid utf-8',
  })
  expect(judgeBody(new Uint8Array([1]), 'audio/mpeg', rules()).kind).toBe('uninspectable')
})

test('bad bytes within a string of JSON stay as they are', () => {
  const bytes = Buffer.concat([
    Buffer.from('{"a":"'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from(' a@b.com","password":"é"}'),
  ])
  const verdict = judgeBody(bytes, 'application/json', rules())
  if (verdict.kind !== 'judged') throw new Error(verdict.reason)
  expect(Buffer.from(verdict.content.subarray(0, 8))).toEqual(bytes.subarray(0, 8))
  expect(verdict.counts).toEqual({ email: 1, field_name: 1 })
})
