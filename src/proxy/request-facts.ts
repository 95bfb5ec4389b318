import { parseObject, textOf, type JsonObject } from '../wire/json/values.ts'
import { modelsOfTarget } from '../providers/registry.ts'
import { codingOf, decodeWhole } from '../wire/framing/content-decoder.ts'
import { MultipartFields } from '../wire/framing/multipart-fields.ts'
import { askedNames, type ModelNames } from '../usage/model-names.ts'
import { topLevelSpans, valueAt } from '../wire/json/spans.ts'
import { modelsOfContent } from './named-models.ts'
import type { ExchangeFacts } from './exchange/exchange-facts.ts'
import { OUTPUT_MEMBERS, outputBoundsOf, type OutputBounds } from './output-bounds.ts'

/** Largest content that is taken apart, decoded. */
const MAX_DECODED_BYTES = 16 * 1024 * 1024

/** JSON up to this size is parsed whole; in more, looking for members is up to ten times as quick. */
const WHOLE_JSON_BYTES = 4096

const UTF8 = new TextDecoder()

/** What a form of several parts begins with, and JSON never. */
const DASH = 0x2d

/** Members of a request that say what it asks for and for whom. */
const MEMBERS = ['model', 'stream', ...OUTPUT_MEMBERS, 'metadata', 'user', 'safety_identifier']

/** What a request asks for, as far as its content and its target say. */
export interface RequestFacts {
  /** The one that the upstream goes by, as far as that can be told; empty when it names none. */
  readonly model: string
  /** What the request calls its model, for looking up its price. */
  readonly names: ModelNames
  /** Every name of a model, for rules that must hold whichever the upstream goes by. */
  readonly models: () => readonly string[]
  readonly output: OutputBounds
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
export function readRequestFacts(exchange: ExchangeFacts, content: Uint8Array | undefined): RequestFacts {
  const plain = content && plainContent(exchange, content)
  const members = plain ? membersOf(plain) : {}
  const target = modelsOfTarget(exchange.path, exchange.query)
  const inContent = textOf(members['model'])
  return {
    // A deployment has any name, so what the content says tells more.
    model: target.path || (inContent ?? (target.deployment || (target.query[0] ?? ''))),
    names: askedNames(target, inContent),
    models: () => {
      if (namesModelLater(exchange)) return []
      const named = plain ? modelsOfContent(plain, exchange.fields['content-type'] ?? '') : []
      return [...new Set([target.path, target.deployment, ...target.query, ...named])].filter(
        (name) => name !== '',
      )
    },
    output: outputBoundsOf(exchange.wire.api, members),
    streaming: members['stream'] === true || exchange.target.path.endsWith(':streamGenerateContent'),
    members,
  }
}

/** WebSockets whose messages name their models; what the query names does not count there. */
function namesModelLater({ wire, fields }: ExchangeFacts): boolean {
  return fields['upgrade'] !== undefined && (wire.api === 'responses' || wire.api === 'live')
}

/** Content without its coding; `undefined` where it cannot be decoded. */
function plainContent({ requestFacts }: ExchangeFacts, content: Uint8Array): Uint8Array | undefined {
  const coding = codingOf(requestFacts.codings)
  if (coding === 'unknown') return undefined
  return coding === 'identity' ? content : decodeWhole(content, coding, MAX_DECODED_BYTES)
}

function membersOf(plain: Uint8Array): JsonObject {
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
