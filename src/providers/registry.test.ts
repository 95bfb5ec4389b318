import { expect, test } from 'bun:test'
import { readPath } from '../wire/url/path-readings.ts'
import { isFree } from './operation.ts'
import { dialectOf, operationOf } from './registry.ts'
import { modelOfTarget } from './target-models.ts'

function routed(method: string, path: string, upgrade = false): string {
  const operation = operationOf(method, readPath(path), upgrade)
  return operation.api?.name ?? (isFree(operation) ? 'free' : 'unmetered')
}

test('calls are known by the end of their path, below any base path', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['POST', '/v1/chat/completions', 'chat_completions'],
    ['POST', '/v1/chat/completions/', 'chat_completions'],
    ['POST', '/chat/completions', 'chat_completions'],
    ['POST', '/openai/deployments/my.dep/chat/completions', 'chat_completions'],
    ['POST', '/api/v2/cortex/v1/chat/completions', 'chat_completions'],
    ['POST', '/v1/completions', 'completions'],
    ['POST', '/v1/fim/completions', 'completions'],
    ['POST', '/v1/responses', 'responses'],
    ['POST', '/v1/responses/compact', 'responses'],
    ['POST', '/v1/responses/input_tokens', 'count_tokens'],
    ['GET', '/v1/responses/resp_1', 'stored_responses'],
    ['POST', '/v1/responses/resp_1/cancel', 'stored_responses'],
    ['GET', '/v1/responses/resp_1/input_items', 'free'],
    ['DELETE', '/v1/responses/resp_1', 'free'],
    ['GET', '/v1/files/file-1/content', 'batch_results'],
    ['POST', '/v1/files', 'free'],
    ['POST', '/v1/batches', 'free'],
    ['GET', '/v1/batches/batch_1', 'inlined_results'],
    ['GET', '/v1/batches', 'free'],
    ['POST', '/v1/messages', 'messages'],
    ['POST', '/v1/messages/count_tokens', 'count_tokens'],
    ['POST', '/v1/messages/batches', 'free'],
    ['POST', '/v1/vector_stores', 'vector_stores'],
    ['POST', '/v1/vector_stores/vs_1', 'free'],
    // Storage by the GB and day, pages of results, a longer life of a cache: billed, and not told.
    ['POST', '/v1/vector_stores/vs_1/files', 'unmetered'],
    ['GET', '/v1/batches/batch_1/results', 'unmetered'],
    ['PATCH', '/v1beta/cachedContents/x', 'unmetered'],
    ['POST', '/v1beta/cachedContents', 'cached_contents'],
    ['POST', '/v1beta/models/gemini-2.5-flash:batchGenerateContent', 'free'],
    ['GET', '/v1beta/batches/abc', 'inlined_results'],
    ['GET', '/download/v1beta/files/abc:download', 'batch_results'],
    ['GET', '/v1/batch/jobs/job_1', 'inlined_results'],
    ['POST', '/async/chat/completions', 'async_completions'],
    ['GET', '/async/chat/completions/req_1', 'stored_completions'],
    ['GET', '/v1/chat/deferred-completion/req_1', 'stored_completions'],
    ['POST', '/v1/vector_stores/vs_1/search', 'unmetered'],
    ['POST', '/v1/fine_tuning/jobs', 'unmetered'],
    ['POST', '/v1/videos', 'unmetered'],
    ['POST', '/v1beta/models/veo-3.1-generate-preview:predictLongRunning', 'unmetered'],
    ['GET', '/v1/messages/batches/msgbatch_1/results', 'batch_results'],
    ['POST', '/v1beta/models/gemini-2.5-flash:generateContent', 'generate_content'],
    ['POST', '/v1beta/models/gemini-2.5-flash:streamGenerateContent', 'generate_content'],
    ['POST', '/v1beta/models/gemini-2.5-flash:countTokens', 'count_tokens'],
    ['POST', '/v1beta/models/gemini-embedding-2:batchEmbedContents', 'embed_content'],
    ['POST', '/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:streamRawPredict', 'messages'],
    ['POST', '/v2/chat', 'cohere_chat'],
    ['POST', '/api/chat', 'ollama_chat'],
    ['POST', '/api/embeddings', 'ollama_embed'],
    ['POST', '/v1/embeddings', 'embeddings'],
    ['POST', '/api/v1/embeddings', 'embeddings'],
    ['POST', '/model/us.amazon.nova-lite-v1%3A0/converse', 'bedrock_converse'],
    ['POST', '/model/x/count-tokens', 'count_tokens'],
    ['POST', '/v1/decisions', 'decisions'],
    ['GET', '/v1/decisions', 'free'],
    ['POST', '/v1/assistants', 'unmetered'],
    ['POST', '/', 'unmetered'],
    ['POST', '', 'unmetered'],
    ['POST', '//', 'unmetered'],
    ['GET', '/v1/models', 'free'],
    ['HEAD', '/v1/chat/completions', 'free'],
    ['DELETE', '/v1/responses/resp_1', 'free'],
    ['PUT', '/v1/chat/completions', 'unmetered'],
    ['PATCH', '/v1/chat/completions', 'unmetered'],
  ]
  for (const [method, path, name] of cases)
    expect([method, path, routed(method, path)]).toEqual([method, path, name])
})

test('a WebSocket is its own kind of call', () => {
  expect(routed('GET', '/v1/responses', true)).toBe('responses')
  expect(routed('GET', '/openai/v1/realtime', true)).toBe('realtime')
  expect(
    routed('GET', '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent', true),
  ).toBe('live')
  expect(routed('GET', '/v1/anything', true)).toBe('unmetered')
})

test('the target names a model in its path or query', () => {
  expect(modelOfTarget(readPath('/gemini/v1beta/models/gemini-2.5-flash:generateContent'), '')).toBe(
    'gemini-2.5-flash',
  )
  expect(modelOfTarget(readPath('/bedrock/model/us.amazon.nova-lite-v1%3A0/converse'), '')).toBe(
    'us.amazon.nova-lite-v1:0',
  )
  const arn = encodeURIComponent('arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude')
  expect(modelOfTarget(readPath(`/b/model/${arn}/invoke`), '')).toBe('us.anthropic.claude')
  expect(modelOfTarget(readPath('/azure/openai/deployments/dep/chat/completions'), '?api-version=1')).toBe(
    'dep',
  )
  expect(modelOfTarget(readPath('/openai/v1/realtime'), '?x=1&model=gpt-realtime')).toBe('gpt-realtime')
  expect(modelOfTarget(readPath('/openai/v1/models'), '')).toBe('')
  expect(modelOfTarget(readPath('/m/models/%E0%A4%A:generateContent'), '')).toBe('%E0%A4%A')
})

test('errors speak the API in use, where one vendor invented it', () => {
  expect(dialectOf(readPath('/v1/messages'), 'openai')).toBe('anthropic')
  expect(dialectOf(readPath('/v1beta/models/m:generateContent'), 'openai')).toBe('gemini')
  expect(dialectOf(readPath('/v1beta/models/m:streamGenerateContent'), 'openai')).toBe('gemini')
  expect(dialectOf(readPath('/v1/chat/completions'), 'mistral')).toBe('mistral')
})
