import { listOf, objectOf, type JsonObject } from '../providers/json.ts'

/**
 * Characters of text per token, for estimates only. English prose runs at about 4, code and other languages lower;
 * the figure is stated in `docs/pricing.md` and every number made with it is marked `estimated`.
 */
const CHARACTERS_PER_TOKEN = 4

/** Estimated tokens of a text of that many UTF-16 units; 0 only for no text. */
export function estimateTokens(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

/** Members of a request that the model reads. */
const READ = ['messages', 'input', 'instructions', 'system', 'prompt', 'tools']

/** Members inside them that are not text to the model: ids, and data that is counted by other rules. */
const NOT_TEXT = new Set([
  'id',
  'call_id',
  'tool_use_id',
  'tool_call_id',
  'type',
  'role',
  'data',
  'image_url',
  'url',
  'file_data',
  'encrypted_content',
  'signature',
])

/** Length of the text in a request that the model reads, in UTF-16 units; images and audio are left out. */
export function requestCharacters(request: JsonObject): number {
  return READ.reduce((sum, name) => sum + textLength(request[name], 0), 0)
}

function textLength(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length
  if (depth > 32) return 0
  if (Array.isArray(value))
    return listOf(value).reduce<number>((sum, item) => sum + textLength(item, depth + 1), 0)
  const object = objectOf(value)
  if (!object) return 0
  let sum = 0
  for (const [name, inner] of Object.entries(object)) {
    if (!NOT_TEXT.has(name)) sum += textLength(inner, depth + 1)
  }
  return sum
}
