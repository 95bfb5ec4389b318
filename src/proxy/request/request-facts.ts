import { modelsOfTarget } from '../../providers/target-models.ts'
import { askedNames, type ModelNames } from '../../usage/model-names.ts'
import type { Span } from '../../wire/span.ts'
import { codingOf, decodeUpTo } from '../../wire/framing/content-decoder.ts'
import { textOf, type JsonObject } from '../../wire/json/values.ts'
import { readContent, unseen, type SeenContent } from './named-models.ts'
import type { Operation } from '../../providers/operation.ts'
import type { ContentFacts } from '../../traces/exchange.ts'
import type { PathReadings } from '../../wire/url/path-readings.ts'
import { outputBoundsOf, type OutputBounds } from './output-bounds.ts'

/** Largest content that is read, both as it came and decoded. */
const MAX_READ_BYTES = 16 * 1024 * 1024

/** What a request asks for, as far as its content and its target say. */
export interface RequestFacts {
  /** The one that the upstream uses, as far as that is known; empty when the request names none, or several. */
  readonly model: string
  /** What the request calls its model, for looking up its price; nothing that is not certain. */
  readonly names: ModelNames
  /** Every name of a model, for rules that must hold whichever the upstream goes by. */
  readonly models: readonly string[]
  /** The one that its path names; empty for none. */
  readonly pathModel: string
  /** Every name in its content at the place for one; several if the member or field is repeated with other values. */
  readonly contentModels: readonly string[]
  /** Where its JSON holds the value of the member `model`; `undefined` where only another walk through it tells. */
  readonly modelAt: Span | undefined
  /** Why its content cannot be seen, in words that continue "its content"; empty when it can. */
  readonly unseen: string
  /** It runs a model, or may. */
  readonly runsModel: boolean
  readonly output: OutputBounds
  /** It gets one response, and its output bounds hold. */
  readonly bounded: boolean
  /** It wants a streamed response. */
  readonly streaming: boolean
  /** The members that were found. */
  readonly members: JsonObject
}

/** What a request's facts are read from. */
export interface AskedExchange {
  /** Its row in the table of operations. */
  readonly operation: Operation
  /** The path in the forms that rules judge. */
  readonly readings: PathReadings
  /** Begins with `?`, or is empty. */
  readonly query: string
  /** The request's header fields; lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  readonly requestFacts: ContentFacts
  /** Its facts, once its content was read. */
  asked: RequestFacts | undefined
}

/**
 * Reads what a request asks for, once: its target, and members of its JSON or fields of its form, compressed or not.
 *
 * @param content `undefined` for none, and for content that was not held
 * @param size of the content; -1 when it is not known yet
 */
export function readRequestFacts(
  exchange: AskedExchange,
  content: Uint8Array | undefined,
  size: number,
): RequestFacts {
  if (exchange.asked) return exchange.asked
  const facts = factsOf(exchange, seenContent(exchange, content, size))
  // Content that was not held yet may still be seen.
  if (content || size === 0) exchange.asked = facts
  return facts
}

function factsOf(exchange: AskedExchange, content: SeenContent): RequestFacts {
  const { operation, readings, query } = exchange
  const { api, models, streams } = operation
  const { members } = content
  const target = modelsOfTarget(readings, query)
  const inContent = content.asked.length === 1 ? textOf(content.asked[0]) : undefined
  // The query counts if the content names no model, not if the content is uncertain.
  const plain = content.unseen === '' && content.asked.length === 0 && isOne(target.query)
  const asked = plain || target.query.length === 0 ? target : { ...target, query: [] }
  return {
    // A deployment may have any name, so the model in the content is better.
    model: asked.path || (inContent ?? (asked.deployment || (asked.query[0] ?? ''))),
    names: askedNames(asked, inContent),
    models: namesOf(target.all, content.models),
    pathModel: target.path,
    contentModels: content.asked,
    modelAt: content.modelAt,
    unseen: content.unseen,
    runsModel:
      models.onlyWith === undefined
        ? models.kind !== 'none'
        : content.unseen !== '' || members[models.onlyWith] !== undefined,
    output: outputBoundsOf(api, members),
    bounded: api?.answeredOnce === true && operation.method !== 'WS' && !content.unbounded,
    streaming: members['stream'] === true || streams === true,
    members,
  }
}

/** Whether names are not different ones. */
function isOne(names: readonly string[]): boolean {
  return names.length < 2 || new Set(names).size === 1
}

/** Both, each name once. */
function namesOf(inTarget: readonly string[], inContent: readonly string[]): readonly string[] {
  if (inTarget.length === 0 && inContent.length < 2) return inContent[0] === '' ? [] : inContent
  return [...new Set([...inTarget, ...inContent])].filter((name) => name !== '')
}

function seenContent(
  { operation, fields, requestFacts }: AskedExchange,
  content: Uint8Array | undefined,
  size: number,
): SeenContent {
  const contentType = fields['content-type'] ?? ''
  if (!content) return size === 0 ? readContent(undefined, '') : unseen(TOO_LARGE)
  const coding = codingOf(requestFacts.codings)
  if (coding === 'identity') return readContent(content, contentType, operation.nested)
  if (coding === 'unknown') return unseen('is in a coding that the gateway does not know')
  const plain = decodeUpTo(content, coding, MAX_READ_BYTES)
  if (plain === 'too_large') return unseen(TOO_LARGE)
  if (plain === 'invalid') return unseen(`is not in the coding ${coding}`)
  return readContent(plain, contentType, operation.nested)
}

const TOO_LARGE = `is larger than ${MAX_READ_BYTES} bytes`
