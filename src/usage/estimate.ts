import { listOf, objectOf, type JsonObject } from '../wire/json/values.ts'

/** Vocabularies of the tokenizer library. */
export type Encoding = 'o200k_base' | 'cl100k_base'

/** Counts the tokens of a text. `undefined` when the encoding is not loaded. */
export type CountTokens = (encoding: Encoding, text: string) => number | undefined

/** The beginning of a text, and the length of the whole in UTF-16 units. */
export interface SampledText {
  readonly text: string
  readonly length: number
}

/** Characters per token if there is no tokenizer. `docs/pricing.md` explains how they were measured. */
const CLAUDE_CHARACTERS_PER_TOKEN = 3.5
const CHARACTERS_PER_TOKEN = 4

/** Tokens that OpenAI's chat format adds for each message, and for the start of the response. */
const TOKENS_PER_MESSAGE = 3

/** Characters of a request that are tokenized; the rest is extrapolated. */
const SAMPLED_REQUEST_CHARACTERS = 64 * 1024

/** The vocabulary of a model; `undefined` for families whose tokenizer is not public. */
export function encodingOf(model: string): Encoding | undefined {
  const name = model
    .toLowerCase()
    .replace(/^.*[/]/, '')
    .replace(/^ft:/, '')
    .replace(/^openai\./, '')
  if (
    /^(gpt-4o|gpt-4\.[1-9]|gpt-[5-9]|chatgpt-|o[1-9]|codex-|gpt-oss|gpt-image|gpt-realtime|gpt-audio)/.test(
      name,
    )
  ) {
    return 'o200k_base'
  }
  if (/^(gpt-4|gpt-3\.5|text-embedding-)/.test(name)) return 'cl100k_base'
  return undefined
}

/** Estimated tokens of a text; 0 only for no text. */
export function estimateTokens(sample: SampledText, model: string, count: CountTokens): number {
  if (sample.length === 0) return 0
  const encoding = encodingOf(model)
  const counted = encoding === undefined ? undefined : count(encoding, sample.text)
  if (counted !== undefined) return Math.max(1, Math.round((counted * sample.length) / sample.text.length))
  const ratio = /claude/i.test(model) ? CLAUDE_CHARACTERS_PER_TOKEN : CHARACTERS_PER_TOKEN
  return Math.ceil(sample.length / ratio)
}

/** Estimated input tokens of a request: its text, and the frame of its messages. */
export function estimateRequestTokens(request: JsonObject, model: string, count: CountTokens): number {
  const messages = listOf(request['messages']).length
  const frame = messages > 0 ? (messages + 1) * TOKENS_PER_MESSAGE : 0
  return estimateTokens(requestText(request), model, count) + frame
}

/** Members of a request that the model reads. */
const READ = [
  'messages',
  'input',
  'inputs',
  'instructions',
  'system',
  'prompt',
  'tools',
  'contents',
  'content',
  'systemInstruction',
  'system_instruction',
  'requests',
  'texts',
  'message',
  'chat_history',
  'preamble',
  'suffix',
]

/** Members within them that are not text for the model: ids, and data counted by other rules. */
const NOT_TEXT = new Set([
  'id',
  'call_id',
  'tool_use_id',
  'tool_call_id',
  'type',
  'role',
  'data',
  'bytes',
  'image_url',
  'url',
  'file_data',
  'encrypted_content',
  'signature',
  'thoughtSignature',
  'cache_control',
  'model',
])

/** The text in a request that the model reads. Images and audio are left out. */
function requestText(request: JsonObject): SampledText {
  const sample = { pieces: [] as string[], kept: 0, length: 0 }
  for (const name of READ) collect(request[name], 0, sample)
  return { text: sample.pieces.join('\n'), length: Math.max(sample.length, 0) }
}

function collect(
  value: unknown,
  depth: number,
  sample: { pieces: string[]; kept: number; length: number },
): void {
  if (typeof value === 'string') {
    const joint = sample.length > 0 ? 1 : 0
    sample.length += value.length + joint
    const room = SAMPLED_REQUEST_CHARACTERS - sample.kept
    if (room <= 0) return
    sample.pieces.push(value.slice(0, room))
    sample.kept += Math.min(value.length, room) + joint
    return
  }
  if (depth > 32) return
  if (Array.isArray(value)) {
    for (const item of value) collect(item, depth + 1, sample)
    return
  }
  for (const [name, inner] of Object.entries(objectOf(value) ?? {})) {
    if (!NOT_TEXT.has(name)) collect(inner, depth + 1, sample)
  }
}
