import { countOf, listOf, objectOf, textOf, type JsonObject } from '../wire/json/values.ts'
import { isInference } from '../providers/inference.ts'
import type { ContentReading } from './content-reading.ts'

/** The parameters of a model call, and the response's id. Telemetry has them, the store does not. Absent if not given. */
export interface ModelCall {
  readonly responseId?: string
  readonly maxTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly seed?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly choiceCount?: number
  readonly stopSequences?: readonly string[]
  /** The provider's own word for the reasoning effort. */
  readonly reasoningLevel?: string
  readonly previousResponseId?: string
}

/** Largest number of stop sequences. No provider accepts more than about ten. */
const MAX_STOPS = 16
const MAX_CHARACTERS = 256

/** Members in which APIs keep such parameters: Gemini, its Interactions, Bedrock Converse, Ollama. All others keep them at the top. */
const NESTED = ['generationConfig', 'generation_config', 'inferenceConfig', 'options']

/** Members of requests that `modelCallOf` reads, also from large requests. */
export const CALL_MEMBERS = [
  ...NESTED,
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'temperature',
  'top_p',
  'top_k',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'n',
  'stop',
  'stop_sequences',
  'reasoning',
  'reasoning_effort',
  'output_config',
  'previous_response_id',
  'previous_interaction_id',
]

/** The parameters of a call, from its request's members in each API's own names. A value of another type is left out. */
export function modelCallOf({ api, requestMembers, response }: ContentReading): ModelCall {
  const responseId = response.responseId?.slice(0, MAX_CHARACTERS)
  const id = responseId === undefined ? {} : { responseId }
  if (api === undefined || !isInference(api.operation)) return id
  const places = [requestMembers, ...NESTED.map((name) => objectOf(requestMembers[name]) ?? {})]
  const find = <Value>(read: (value: unknown) => Value | undefined, ...names: readonly string[]) => {
    for (const place of places)
      for (const name of names) {
        const value = read(place[name])
        if (value !== undefined) return value
      }
    return undefined
  }
  return given({
    ...id,
    maxTokens: find(
      countOf,
      'max_completion_tokens',
      'max_output_tokens',
      'max_tokens',
      'maxOutputTokens',
      'maxTokens',
      'num_predict',
    ),
    temperature: find(numberOf, 'temperature'),
    topP: find(numberOf, 'top_p', 'topP'),
    topK: find(integerOf, 'top_k', 'topK'),
    seed: find(integerOf, 'seed'),
    frequencyPenalty: find(numberOf, 'frequency_penalty', 'frequencyPenalty'),
    presencePenalty: find(numberOf, 'presence_penalty', 'presencePenalty'),
    choiceCount: find(countOf, 'n', 'candidateCount', 'candidate_count'),
    stopSequences: find(textsOf, 'stop', 'stop_sequences', 'stopSequences'),
    reasoningLevel: reasoningLevelOf(places),
    previousResponseId: find(wordOf, 'previous_response_id', 'previous_interaction_id'),
  })
}

/** OpenAI's Chat Completions and Responses, Anthropic, Gemini, Gemini's Interactions. */
function reasoningLevelOf(places: readonly JsonObject[]): string | undefined {
  for (const place of places) {
    const level =
      wordOf(place['reasoning_effort']) ??
      wordOf(objectOf(place['reasoning'])?.['effort']) ??
      wordOf(objectOf(place['output_config'])?.['effort']) ??
      wordOf(objectOf(place['thinkingConfig'])?.['thinkingLevel']) ??
      wordOf(place['thinking_level'])
    if (level !== undefined) return level
  }
  return undefined
}

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

const integerOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) ? (value as number) : undefined

const wordOf = (value: unknown): string | undefined => textOf(value)?.slice(0, MAX_CHARACTERS)

/** One text or several. White space counts. */
function textsOf(value: unknown): readonly string[] | undefined {
  const texts = (typeof value === 'string' ? [value] : listOf(value))
    .slice(0, MAX_STOPS)
    .flatMap((text) => (typeof text === 'string' && text !== '' ? [text.slice(0, MAX_CHARACTERS)] : []))
  return texts.length > 0 ? texts : undefined
}

function given(call: { [name in keyof ModelCall]?: ModelCall[name] | undefined }): ModelCall {
  return Object.fromEntries(Object.entries(call).filter(([, value]) => value !== undefined))
}
