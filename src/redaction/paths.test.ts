import { expect, test } from 'bun:test'
import { shownPath } from './paths.ts'
import { Redaction } from './redaction.ts'
import { ShownPaths } from './shown-paths.ts'
import { SETTINGS } from '../../test/support/redaction-settings.ts'

test.each([
  ['/openai/v1/chat/completions', '/openai/v1/chat/completions'],
  [
    '/gemini/v1beta/models/gemini-2.5-flash:generateContent',
    '/gemini/v1beta/models/gemini-2.5-flash:generateContent',
  ],
  [
    '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ax%2Fy/converse',
    '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ax%2Fy/converse',
  ],
  ['/v1/x?key=canary#y', '/v1/x'],
  ['/v1/x;api-key=canary/y', '/v1/x%3Bapi-key%3D%5BREDACTED%5D/y'],
  ['/v1/sk-proj-canary0123456789abcdefghij/y', '/v1/%5BREDACTED%5D/y'],
  ['/v1/%73k-proj-canary0123456789abcdefghij', '/v1/%5BREDACTED%5D'],
  ['/v1/\u001b[31m\u202e\u009bx', '/v1/%1B[31m%E2%80%AE%C2%9Bx'],
  ['/v1/bad%zz%', '/v1/bad%zz%'],
])('%j is told as %j, whatever the policy', (path, shown) => {
  expect(shownPath(path, undefined)).toEqual({ path: shown, edits: [] })
})

test('a path is shown up to 2048 characters', () => {
  const { path } = shownPath(`/${'a'.repeat(10_000)}`, undefined)
  expect(path).toHaveLength(2048)
  expect(path.endsWith('a…')).toBe(true)
})

test("the caller's policy decides what else is shown", () => {
  const email = '/v1/users/ann%40example.com'
  const { path, edits } = shownPath(
    email,
    new Redaction(SETTINGS).rulesOf({ organizationId: 'o', workspaceId: 'w' }),
  )
  expect(path).toMatch(/^\/v1\/users\/%5BEMAIL_REDACTED%3A[0-9a-f]+%5D$/)
  expect(edits).toHaveLength(1)
  const facts = { organizationId: 'o', workspaceId: 'w', keyId: '', provider: 'openai', route: email }
  expect(new ShownPaths(SETTINGS).shown(email, facts)).not.toContain('ann')
  expect(new ShownPaths({ ...SETTINGS, mode: 'off' }).shown(email, facts)).toBe(email)
})
