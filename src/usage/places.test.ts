import { expect, test } from 'bun:test'
import { placeOf, placePrice } from './places.ts'

test('the place is read from the path, else from the host', () => {
  const arn = encodeURIComponent('arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc123')
  const profile = encodeURIComponent(
    'arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-5',
  )
  const cases: readonly (readonly [string, string, string])[] = [
    ['/bedrock/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke', 'h', 'global'],
    ['/bedrock/model/us.amazon.nova-lite-v1:0/converse-stream', 'h', 'us'],
    ['/bedrock/model/jp.anthropic.claude-opus-5/invoke-with-response-stream', 'h', 'jp'],
    ['/model/us-gov.anthropic.claude-haiku-4-5-20251001-v1:0/converse', 'h', 'us-gov'],
    ['/model/zai.glm-4.7/converse', 'bedrock-runtime.us-west-2.amazonaws.com', 'us-west-2'],
    [
      '/model/anthropic.claude-opus-5/invoke',
      'bedrock-runtime-fips.us-east-2.amazonaws.com:443',
      'us-east-2',
    ],
    [`/model/${arn}/converse`, 'bedrock-runtime.us-east-1.amazonaws.com', 'eu-west-1'],
    [`/model/${profile}/converse`, 'h', 'eu'],
    ['/v1/chat/completions', 'bedrock-mantle.us-east-1.api.aws', 'us-east-1'],
    ['/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude:rawPredict', 'h', 'us-east5'],
    ['/v1/projects/p/locations/global/publishers/google/models/g:generateContent', 'h', 'global'],
    [
      '/v1/publishers/google/models/g:generateContent',
      'europe-west4-aiplatform.googleapis.com',
      'europe-west4',
    ],
    ['/v1/publishers/google/models/g:generateContent', 'aiplatform.eu.rep.googleapis.com', 'eu'],
    ['/v1/responses', 'eu.api.openai.com', 'eu'],
    ['/v1/responses', 'api.openai.com', ''],
    ['/v1/responses', 'us.api.x.ai', 'us'],
    ['/v1/responses', 'api.x.ai', ''],
    ['/v1/responses', 'eu.api.openai.com.evil.example', ''],
    ['/v1beta/models/gemini-3.8-flash:generateContent', 'generativelanguage.googleapis.com', ''],
    ['/model/%E0%A4%A/invoke', '', ''],
  ]
  for (const [path, host, place] of cases)
    expect([path, host, placeOf(path, host)]).toEqual([path, host, place])
})

test('each vendor has its own rule, by model and date', () => {
  const permille = (vendor: string, model: string, place: string, at = Date.parse('2026-11-27')): unknown => {
    const { permille: factor, note } = placePrice({ vendor, model, place, at })
    return note === undefined ? factor : [factor, 'note']
  }
  // developers.openai.com/api/docs/pricing (2026-11): 10 % for models released on or after 2026-03-05.
  expect(permille('openai', 'gpt-5.4', 'eu')).toBe(1100)
  expect(permille('openai', 'gpt-5.4-mini-2026-03-17', 'us')).toBe(1100)
  expect(permille('openai', 'gpt-6-luna', 'eu')).toBe(1100)
  expect(permille('openai', 'gpt-4o', 'eu')).toBe(1000)
  expect(permille('openai', 'gpt-5', 'eu')).toBe(1000)
  expect(permille('openai', 'gpt-5.2-pro', 'us')).toBe(1000)
  expect(permille('openai', 'gpt-5.3-codex', 'eu')).toBe(1000)
  expect(permille('openai', 'text-embedding-3-small', 'eu')).toBe(1000)
  expect(permille('openai', 'gpt-6-sol', 'jp')).toEqual([1100, 'note'])
  expect(permille('openai', 'gpt-realtime-2.1', 'eu')).toEqual([1100, 'note'])
  expect(permille('openai', 'gpt-6-sol', '')).toBe(1000)
  // platform.claude.com/docs/en/about-claude/pricing (2026-10): from Sonnet 4.5 on.
  expect(permille('anthropic', 'claude-sonnet-4-5', 'us-east5')).toBe(1100)
  expect(permille('anthropic', 'claude-haiku-5-5', 'eu')).toBe(1100)
  expect(permille('google', 'claude-opus-5-5', 'europe-west1')).toBe(1100)
  expect(permille('google', 'claude-4-opus', 'europe-west1')).toBe(1000)
  expect(permille('anthropic', 'claude-opus-4-1', 'us-east5')).toBe(1000)
  expect(permille('anthropic', 'claude-3-7-sonnet-latest', 'us-east5')).toBe(1000)
  expect(permille('anthropic', 'claude-opus-5', 'global')).toBe(1000)
  // cloud.google.com/vertex-ai/generative-ai/pricing (2026-07-31): Gemini 3 and later, since 2026-07-01.
  expect(permille('google', 'gemini-3.5-flash', 'europe-west4')).toBe(1100)
  expect(permille('google', 'gemini-3.5-flash', 'europe-west4', Date.parse('2026-06-30'))).toBe(1000)
  expect(permille('google', 'gemini-2.5-pro', 'us-central1')).toBe(1000)
  expect(permille('google', 'gemini-3.1-pro-preview', 'us')).toEqual([1000, 'note'])
  // The list has Bedrock's places of Claude by name, and other models as the United States have them.
  expect(permille('aws', 'regional.anthropic.claude-sonnet-4-5-20250929-v1:0', 'eu')).toBe(1000)
  expect(permille('aws', 'us.amazon.nova-lite-v1:0', 'us')).toBe(1000)
  expect(permille('aws', 'meta.llama3-70b-instruct-v1:0', 'ap-south-1')).toEqual([1000, 'note'])
  expect(permille('azure', 'gpt-6-sol', 'eu')).toBe(1000)
  // docs.x.ai/developers/pricing (2026-11-30): 10 % in the United States.
  expect(permille('x-ai', 'grok-4.6', 'us')).toBe(1100)
  expect(permille('x-ai', 'grok-4.6', 'eu-west-1')).toEqual([1000, 'note'])
})
