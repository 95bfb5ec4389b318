import { countOf, objectOf, parseObject, textOf, type JsonObject } from '../providers/json.ts'
import { modelOfTarget, wireApiNamed } from '../providers/registry.ts'
import { codingOf, decodeWhole } from '../traces/recorder/content-decoder.ts'
import { MultipartFields } from '../traces/recorder/multipart-fields.ts'
import { topLevelSpans, valueAt } from './json-spans.ts'
import type { OpenExchange } from './open-exchange.ts'

/** Largest content that is taken apart, decoded. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024

/** JSON up to this size is parsed whole; in more, looking for members is up to ten times as quick. */
const WHOLE_JSON_BYTES = 4096

const UTF8 = new TextDecoder()

/** What a form of several parts begins with, and JSON never. */
const DASH = 0x2d

/** Members of a request that say what it asks for and for whom. */
const MEMBERS = [
  'model',
  'stream',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'n',
  'generationConfig',
  'metadata',
  'user',
  'safety_identifier',
]

/** What a request asks for, as far as its content and its target say. */
export interface RequestFacts {
  /** Empty when it names none. */
  readonly model: string
  /** Most tokens that its answers may have together; `undefined` when it does not say, 0 where answers are no text. */
  readonly maxOutputTokens: number | undefined
  /** It asks for its answer bit by bit. */
  readonly streaming: boolean
  /** The members that were found. */
  readonly members: JsonObject
}

/**
 * Reads what a request asks for: members of its JSON or a field of its form, compressed or not.
 *
 * @param content `undefined` for none, and for content that was not held
 */
export function readRequestFacts(exchange: OpenExchange, content: Uint8Array | undefined): RequestFacts {
  const members = content ? membersOf(exchange, content) : {}
  return {
    model: textOf(members['model']) ?? modelOfTarget(exchange.path, exchange.query),
    maxOutputTokens: maxOutputTokensOf(exchange, members),
    streaming: members['stream'] === true || exchange.target.path.endsWith(':streamGenerateContent'),
    members,
  }
}

function maxOutputTokensOf({ wire }: OpenExchange, members: JsonObject): number | undefined {
  const operation = wireApiNamed(wire.api)?.operation
  if (operation === 'embeddings' || operation === 'rerank') return 0
  const most =
    countOf(members['max_completion_tokens']) ??
    countOf(members['max_output_tokens']) ??
    countOf(members['max_tokens']) ??
    countOf(objectOf(members['generationConfig'])?.['maxOutputTokens'])
  return most === undefined ? undefined : most * Math.max(1, countOf(members['n']) ?? 1)
}

function membersOf({ requestFacts }: OpenExchange, content: Uint8Array): JsonObject {
  const coding = codingOf(requestFacts.codings)
  if (coding === 'unknown') return {}
  const plain = coding === 'identity' ? content : decodeWhole(content, coding, MAX_DECODED_BYTES)
  if (!plain) return {}
  if (plain[0] === DASH) {
    const fields = new MultipartFields(new Set(['model', 'user']))
    fields.write(plain)
    return fields.toObject()
  }
  if (plain.length <= WHOLE_JSON_BYTES) {
    const whole = parseObject(UTF8.decode(plain))
    if (whole) return whole
  }
  const members: Record<string, unknown> = {}
  for (const [name, span] of topLevelSpans(plain, MEMBERS)) members[name] = valueAt(plain, span)
  return members
}
