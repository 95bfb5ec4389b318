import { countOf, objectOf, type JsonObject } from '../wire/json/values.ts'
import { wireApiNamed } from '../providers/registry.ts'

/** How much a request lets be answered. */
export interface OutputBounds {
  /** Most tokens that all its answers may have together; `undefined` when it does not say, 0 where answers are no text. */
  readonly maxOutputTokens: number | undefined
  /** How many answers it asks for, 1 at least. */
  readonly answers: number
}

/** Members at the top level of a request that bound its output. */
export const OUTPUT_MEMBERS = [
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'n',
  'best_of',
  'generationConfig',
  'generation_config',
  'inferenceConfig',
  'options',
] as const

/**
 * Where each wire API states the output limit of one answer. What another API calls so does not count: the provider ignores it, and a
 * limit that is ignored bounds nothing.
 */
const LIMITS: Readonly<Record<string, (members: JsonObject) => readonly unknown[]>> = {
  chat_completions: (members) => [members['max_completion_tokens'], members['max_tokens']],
  completions: (members) => [members['max_tokens']],
  responses: (members) => [members['max_output_tokens']],
  messages: (members) => [members['max_tokens']],
  cohere_chat: (members) => [members['max_tokens']],
  generate_content: (members) =>
    generationsOf(members).flatMap((generation) => [
      generation['maxOutputTokens'],
      generation['max_output_tokens'],
    ]),
  bedrock_converse: (members) => [objectOf(members['inferenceConfig'])?.['maxTokens']],
  ollama_chat: (members) => [objectOf(members['options'])?.['num_predict']],
}

/** Operations whose answers are numbers and choices. */
const WITHOUT_TEXT: ReadonlySet<string> = new Set(['embeddings', 'rerank', 'decisions'])

/** Reads how much a request lets be answered. @param api name of its wire API */
export function outputBoundsOf(api: string, members: JsonObject): OutputBounds {
  const candidates = generationsOf(members).flatMap((generation) => [
    generation['candidateCount'],
    generation['candidate_count'],
  ])
  const asked = [members['n'], members['best_of'], ...candidates]
  const answers = Math.max(1, ...asked.map((value) => countOf(value) ?? 1))
  const operation = wireApiNamed(api)?.operation
  if (operation !== undefined && WITHOUT_TEXT.has(operation)) return { maxOutputTokens: 0, answers }
  const limits = (LIMITS[api]?.(members) ?? []).flatMap((value) => countOf(value) ?? [])
  return { maxOutputTokens: limits.length === 0 ? undefined : Math.max(...limits) * answers, answers }
}

/** Google takes its names in both cases. */
function generationsOf(members: JsonObject): readonly JsonObject[] {
  const given = [objectOf(members['generationConfig']), objectOf(members['generation_config'])]
  return given.filter((one) => one !== undefined)
}

/** Wire APIs whose requests are answered once, and then are over. */
const ANSWERED_ONCE: ReadonlySet<string> = new Set([
  'chat_completions',
  'responses',
  'messages',
  'cohere_chat',
  'generate_content',
  'bedrock_converse',
  'ollama_chat',
  'embeddings',
  'cohere_embed',
  'embed_content',
  'ollama_embed',
  'rerank',
  'decisions',
])

/**
 * Whether a request gets its answers and is over, so that their bounds bound its cost. A WebSocket asks again and again; a list of
 * prompts is answered one by one; and of other calls it is not known.
 */
export function isAnsweredOnce(api: string, upgrade: boolean): boolean {
  return !upgrade && ANSWERED_ONCE.has(api)
}
