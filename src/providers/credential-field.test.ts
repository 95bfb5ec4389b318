import { expect, test } from 'bun:test'
import { credentialField } from './credential-field.ts'

const MESSAGES = '/v1/messages'

test.each([
  ['openai', '', '/v1/responses', false, 'authorization', 'Bearer key'],
  ['mistral', '', '/v1/chat/completions', false, 'authorization', 'Bearer key'],
  ['anthropic', '', MESSAGES, false, 'x-api-key', 'key'],
  ['anthropic', '', MESSAGES, true, 'authorization', 'Bearer key'],
  ['anthropic', '', '/v1/chat/completions', false, 'authorization', 'Bearer key'],
  ['azure', '', '/openai/deployments/d/chat/completions', false, 'api-key', 'key'],
  ['azure', '', '/openai/deployments/d/chat/completions', true, 'authorization', 'Bearer key'],
  ['gemini', '', '/v1beta/models/m:generateContent', false, 'x-goog-api-key', 'key'],
  ['gemini', '', '/v1beta/openai/chat/completions', false, 'authorization', 'Bearer key'],
  ['openai', 'x-own', '/v1/responses', false, 'x-own', 'key'],
  ['openai', 'x-own', '/v1/responses', true, 'x-own', 'key'],
  ['anthropic', 'authorization', MESSAGES, false, 'authorization', 'Bearer key'],
] as const)(
  'a credential for %s (own field: %p) goes with %s, token: %p, as %s: %s',
  (dialect, own, path, isToken, name, value) => {
    expect(credentialField({ dialect, credentialField: own }, path, 'key', isToken)).toEqual([name, value])
  },
)
