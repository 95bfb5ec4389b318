import { expect, test } from 'bun:test'
import { isCredentialName } from './credential-name.ts'

test.each([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'apikey',
  'API_KEY',
  'APIkey',
  'key',
  'x-goog-api-key',
  'x-ongoingai-gateway-key',
  'ocp-apim-subscription-key',
  'x-amz-security-token',
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Goog-Signature',
  'Signature',
  'sig',
  'access_token',
  'accessToken',
  'x-amzn-oidc-accesstoken',
  'id_token',
  'client_secret',
  'clientSecret',
  'openai-insecure-api-key',
  'helicone-auth',
  'cf-aig-authorization',
  'x-vault-token',
  'xi-api-key',
  'x-csrf-token',
  'cf-access-jwt-assertion',
  'x-session',
  'password',
  'PGPASSWORD',
  'cookie2',
  'x-hub-signature-256',
  'key1',
])('%s names a credential', (name) => {
  expect(isCredentialName(name)).toBe(true)
})

test.each([
  'accept',
  'content-type',
  'user-agent',
  'host',
  'traceparent',
  'date',
  'x-request-id',
  // What is counted, and what a limit is of.
  'ONGOINGAI_AUTH_ENABLED',
  'max_tokens',
  'max_completion_tokens',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
  'anthropic-ratelimit-tokens-remaining',
  'anthropic-ratelimit-input-tokens-reset',
  'x-amzn-bedrock-input-token-count',
  'x-amzn-bedrock-cache-read-input-token-count',
  'x-litellm-key-spend',
  // Who a request belongs to.
  'session_id',
  'session-id',
  'x-session-id',
  'x-session-affinity',
  'x-claude-code-session-id',
  'mcp-session-id',
  'x-ongoingai-thread-id',
  'x-ongoingai-run-id',
  'x-ongoingai-tags',
  'x-ongoingai-correlation-id',
  'key_id',
  // What opens nothing.
  'idempotency-key',
  'x-idempotency-key',
  'prompt_cache_key',
  'surrogate-key',
  'per_key',
  'pageToken',
  'next_page_token',
  'token_type',
  // Words that only begin alike.
  'keep-alive',
  'keyword',
  'tokenizer',
  'author',
  'authority',
  'secretary',
  'monkey',
  'www-authenticate',
  'X-Amz-SignedHeaders',
  '',
  '-',
])('%j names none', (name) => {
  expect(isCredentialName(name)).toBe(false)
})

test('a name of any length is judged by its end, and many names do not fill the memory', () => {
  expect(isCredentialName(`${'x-'.repeat(100_000)}api-key`)).toBe(true)
  for (let i = 0; i < 10_000; i++) expect(isCredentialName(`made-up-${i}-token`)).toBe(true)
})
