import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { wireApiNamed } from '../providers/registry.ts'
import { unreadContent } from './interrupted-trace.ts'
import { modelCallOf, type ModelCall } from './model-call.ts'

function callOf(api: string, requestMembers: Record<string, unknown>, responseId?: string): ModelCall {
  const content = unreadContent(wireApiNamed(api))
  return modelCallOf({ ...content, requestMembers, response: { ...content.response, responseId } })
}

test('parameters are read in the names of every API', () => {
  const cases: readonly (readonly [string, Record<string, unknown>, ModelCall])[] = [
    [
      'chat_completions',
      {
        max_completion_tokens: 9,
        max_tokens: 8,
        temperature: 0,
        top_p: 0.5,
        seed: -1,
        frequency_penalty: -0.5,
        presence_penalty: 1,
        n: 3,
        stop: '\n',
        reasoning_effort: 'low',
      },
      {
        maxTokens: 9,
        temperature: 0,
        topP: 0.5,
        seed: -1,
        frequencyPenalty: -0.5,
        presencePenalty: 1,
        choiceCount: 3,
        stopSequences: ['\n'],
        reasoningLevel: 'low',
      },
    ],
    [
      'responses',
      { max_output_tokens: 7, reasoning: { effort: 'high' }, previous_response_id: 'resp_0' },
      { maxTokens: 7, reasoningLevel: 'high', previousResponseId: 'resp_0' },
    ],
    [
      'messages',
      { max_tokens: 1024, top_k: 40, stop_sequences: ['a', '', 'b', 7], output_config: { effort: 'max' } },
      { maxTokens: 1024, topK: 40, stopSequences: ['a', 'b'], reasoningLevel: 'max' },
    ],
    [
      'generate_content',
      {
        generationConfig: {
          maxOutputTokens: 5,
          topP: 1,
          topK: 3,
          candidateCount: 2,
          stopSequences: ['x'],
          thinkingConfig: { thinkingLevel: 'LOW' },
        },
      },
      { maxTokens: 5, topP: 1, topK: 3, choiceCount: 2, stopSequences: ['x'], reasoningLevel: 'LOW' },
    ],
    [
      'interactions',
      { generation_config: { temperature: 0.1, max_output_tokens: 2 }, previous_interaction_id: 'i' },
      { temperature: 0.1, maxTokens: 2, previousResponseId: 'i' },
    ],
    ['bedrock_converse', { inferenceConfig: { maxTokens: 6, topP: 0.2 } }, { maxTokens: 6, topP: 0.2 }],
    ['ollama_chat', { options: { num_predict: 4, top_k: 20 } }, { maxTokens: 4, topK: 20 }],
  ]
  for (const [api, members, call] of cases) expect([api, callOf(api, members)]).toEqual([api, call])
})

test('an answer without parameters has its id; what writes nothing has no parameters', () => {
  expect(callOf('chat_completions', {}, 'chatcmpl-1')).toEqual({ responseId: 'chatcmpl-1' })
  expect(callOf('embeddings', { max_tokens: 1 }, 'e')).toEqual({ responseId: 'e' })
  expect(modelCallOf(unreadContent(undefined))).toEqual({})
})

test('whatever a request holds, values are of their types, and bounded', () => {
  const names = [
    'max_tokens',
    'temperature',
    'top_k',
    'seed',
    'n',
    'stop',
    'reasoning',
    'generationConfig',
    'options',
  ]
  const members = fc.dictionary(fc.constantFrom(...names), fc.anything())
  fc.assert(
    fc.property(members, (given) => {
      const { stopSequences = [], reasoningLevel, ...numbers } = callOf('messages', given)
      for (const value of Object.values(numbers)) expect(Number.isFinite(value)).toBe(true)
      expect(stopSequences.length).toBeLessThanOrEqual(16)
      expect(typeof (reasoningLevel ?? '')).toBe('string')
    }),
  )
  const stops = Array.from({ length: 500 }, () => 'x'.repeat(5000))
  const { stopSequences } = callOf('messages', { stop_sequences: stops })
  expect([stopSequences?.length, stopSequences?.[0]?.length]).toEqual([16, 256])
})
