import { expect, test } from 'bun:test'
import { wireApiNamed } from '../../providers/registry.ts'
import { outputBoundsOf } from './output-bounds.ts'

test.each([
  ['chat_completions', { max_tokens: 10 }, 10, 1],
  ['chat_completions', { max_tokens: 10, max_completion_tokens: 30, n: 4 }, 120, 4],
  ['chat_completions', { max_output_tokens: 10 }, undefined, 1],
  ['responses', { max_output_tokens: 10, max_tokens: 1 }, 10, 1],
  ['responses', { max_tokens: 1 }, undefined, 1],
  ['messages', { max_tokens: 7 }, 7, 1],
  ['generate_content', { generationConfig: { maxOutputTokens: 9, candidateCount: 3 } }, 27, 3],
  ['generate_content', { generation_config: { max_output_tokens: 9 } }, 9, 1],
  ['generate_content', { generationConfig: { candidateCount: 2 } }, undefined, 2],
  ['bedrock_converse', { inferenceConfig: { maxTokens: 5 } }, 5, 1],
  ['ollama_chat', { options: { num_predict: -1 } }, undefined, 1],
  ['embeddings', { max_tokens: 7 }, 0, 1],
  ['decisions', { max_tokens: 7 }, 0, 1],
  ['', { max_tokens: 7 }, undefined, 1],
] as const)(
  '%s with %j may be answered with %p tokens, %d answers',
  (api, members, maxOutputTokens, answers) => {
    expect(outputBoundsOf(wireApiNamed(api), members)).toEqual({ maxOutputTokens, answers })
  },
)

test('a list of prompts and work that goes on behind the answer are answered more than once', () => {
  expect(wireApiNamed('responses')?.answeredOnce).toBe(true)
  expect(wireApiNamed('completions')?.answeredOnce).toBeUndefined()
  expect(wireApiNamed('async_completions')?.answeredOnce).toBe(false)
})
