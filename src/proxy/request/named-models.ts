import type { Span } from '../../wire/span.ts'
import { fieldsOfForm } from '../../wire/framing/strict-form.ts'
import { valueAt, walkElements, walkTopLevel } from '../../wire/json/spans.ts'
import { type JsonObject, parseObject } from '../../wire/json/values.ts'
import { OUTPUT_MEMBERS } from './output-bounds.ts'

/** What a request's content says, as far as rules, budgets and prices need it. */
export interface SeenContent {
  /** Why it cannot be seen; empty when it can. All else is empty then. */
  readonly unseen: string
  /** Every model that it names, in every place that an upstream may read. */
  readonly models: readonly string[]
  /** Its values of the member `model`: several if the member is repeated with other values, or in another case. */
  readonly asked: readonly string[]
  /** A member that bounds the output is repeated, or in another case, so it is not known which one counts. */
  readonly unbounded: boolean
  readonly members: JsonObject
  /** Where the value of the member `model` stands in plain content; `undefined` where that is not known. */
  readonly modelAt: Span | undefined
}

/** JSON up to this size is parsed whole; in larger JSON, searching for members is up to ten times faster. */
const WHOLE_JSON_BYTES = 4096

/** Members besides those that name a model or bound the output. */
const MEMBERS = ['stream', 'metadata', 'user', 'safety_identifier', 'inputs']

const UTF8_MARK = [0xef, 0xbb, 0xbf]
const UTF8 = new TextDecoder()

/** What names models at the top level. Readers differ in whether case matters; `u` also matches letters that fold to these. */
const NAMES_MODEL = /^models?$/iu
const FIELD_NAMES_MODEL = /^\s*(?:models?(?:\[[^\]]*\])?|user)\s*$/iu

const KNOWN = new Map(
  ['model', 'models', ...MEMBERS, ...OUTPUT_MEMBERS].map((name) => [name.toLowerCase(), name]),
)

/** A parameter of a media type, also an extended one (RFC 8187), which names no set that is read here. */
const CHARACTER_SET = /charset[*\d]*\s*=\s*"?\s*([^\s";,]*)/gi
const READ_AS_UTF8 = /^(?:utf-?8|us-ascii|iso-8859-1|)$/i

/** Where a known member may begin in a text; and an escape by which another text may be a known name. */
const KNOWN_NAMES = new RegExp(`"(${[...KNOWN.keys()].join('|')})"\\s*:`, 'giu')
const ESCAPED_LETTER = /\\u(?:00[2-7]|017f|212a)/i

const NO_CONTENT: SeenContent = {
  unseen: '',
  models: [],
  asked: [],
  unbounded: false,
  members: {},
  modelAt: undefined,
}

/**
 * Reads which models a request's content names. Upstreams differ in which of several they take: the first or the last of a repeated name,
 * a name in another case (Go's JSON), a fallback list (`models`). So all of them count.
 *
 * @param plain without content coding; `undefined` for none
 * @param contentType the field as it came
 * @param nested further places of models, as an `Operation` has them
 */
export function readContent(
  plain: Uint8Array | undefined,
  contentType: string,
  nested: readonly string[] = [],
): SeenContent {
  if (!plain || plain.length === 0) return NO_CONTENT
  if (contentType !== 'application/json') {
    if (/^\s*multipart\/form-data/i.test(contentType)) return readForm(plain, contentType)
    const otherSet = otherCharacterSet(contentType)
    if (otherSet !== undefined) return unseen(`is in the character set ${otherSet}`)
  }
  const marked = plain[0] === UTF8_MARK[0] && plain[1] === UTF8_MARK[1] && plain[2] === UTF8_MARK[2]
  const json = marked ? plain.subarray(UTF8_MARK.length) : plain
  const whole = json.length <= WHOLE_JSON_BYTES ? plainObject(json) : undefined
  if (!whole || holdsOneOf(nested, whole.members)) return readBytes(json, nested)
  // Where a mark stands before it, places are others.
  return readObject(whole.members, marked ? undefined : whole.modelAt)
}

/** A character set in which JSON may read otherwise; `undefined` for none. Readers differ in which of several parameters they take. */
function otherCharacterSet(contentType: string): string | undefined {
  for (const [, name = ''] of contentType.matchAll(CHARACTER_SET))
    if (!READ_AS_UTF8.test(name)) return name.slice(0, 64)
  return undefined
}

/** Whether a member of an object may hold what stands at one of these places. */
function holdsOneOf(places: readonly string[], members: JsonObject): boolean {
  if (places.length === 0) return false
  let firsts = FIRST_STEPS.get(places)
  if (!firsts) {
    firsts = new Set(places.map((place) => place.split('.')[0]!.toLowerCase()))
    FIRST_STEPS.set(places, firsts)
  }
  for (const name in members) if (firsts.has(name.toLowerCase())) return true
  return false
}

/** Where places begin, in lower case, for the few lists of places that operations have. */
const FIRST_STEPS = new WeakMap<readonly string[], ReadonlySet<string>>()

/** What cannot be seen. @param why continues "its content …" */
export function unseen(why: string): SeenContent {
  return { ...NO_CONTENT, unseen: why }
}

/** An object that was parsed whole. */
interface PlainObject {
  readonly members: JsonObject
  /** As of `SeenContent`. */
  readonly modelAt: Span | undefined
}

/** The object, if every known name is unescaped and not repeated; `undefined` for content that must be read byte by byte. */
function plainObject(json: Uint8Array): PlainObject | undefined {
  const text = UTF8.decode(json)
  if (ESCAPED_LETTER.test(text)) return undefined
  const members = parseObject(text)
  if (!members) return undefined
  // Every letter beyond ASCII takes more bytes than one.
  if (text.length !== json.length) return knowsEach(text) ? { members, modelAt: undefined } : undefined
  let modelAt: Span | undefined
  for (const given in members) {
    const name = KNOWN.get(given) ?? KNOWN.get(given.toLowerCase())
    if (name === undefined) continue
    const valueFrom = name === given ? onlyValueOf(name, text) : -1
    if (valueFrom < 0) return undefined
    if (name === 'model') modelAt = spanOf(members['model'], text, valueFrom)
  }
  return { members, modelAt }
}

/** Whether every known name in a text is spelled as it is known, and not repeated. */
function knowsEach(text: string): boolean {
  const seen = new Set<string>()
  for (const [, name = ''] of text.matchAll(KNOWN_NAMES)) {
    if (seen.has(name) || KNOWN.get(name.toLowerCase()) !== name) return false
    seen.add(name)
  }
  return true
}

/** Where the value begins of the only member with a name, at any depth; -1 where there are more. */
function onlyValueOf(name: string, text: string): number {
  const quoted = `"${name}"`
  let found = -1
  for (let at = text.indexOf(quoted); at >= 0; at = text.indexOf(quoted, at + quoted.length)) {
    let end = at + quoted.length
    while (isSpace(text.charCodeAt(end))) end += 1
    if (text.charCodeAt(end) !== COLON) continue
    if (found >= 0) return -1
    found = end + 1
  }
  return found
}

/** Where a text stands that was parsed from a place; `undefined` where it is written in another way. */
function spanOf(value: unknown, text: string, from: number): Span | undefined {
  if (typeof value !== 'string') return undefined
  const start = text.indexOf('"', from)
  const end = start + value.length + 2
  return text.slice(start + 1, end - 1) === value && text[end - 1] === '"' ? { start, end } : undefined
}

function readObject(members: JsonObject, modelAt: Span | undefined): SeenContent {
  const models: string[] = []
  const readable = takeNames(members['model'] ?? null, models)
  const asked = [...models]
  if (!readable || !takeNames(members['models'] ?? null, models)) return unseen(NO_NAME)
  return { unseen: '', models, asked, unbounded: false, members, modelAt }
}

const NO_NAME = 'names its model by something else than a text'

function readBytes(json: Uint8Array, nested: readonly string[]): SeenContent {
  const models: string[] = []
  const asked: string[] = []
  const members: Record<string, unknown> = {}
  let [readable, unbounded] = [true, false]
  const whole = walkTopLevel(json, (name, start, end) => {
    if (NAMES_MODEL.test(name)) {
      const from = models.length
      readable &&= takeNames(valueAt(json, { start, end }), models)
      if (name.length === 5) asked.push(...models.slice(from))
      if (name === 'model') members['model'] = asked.at(-1)
      return
    }
    const known = KNOWN.get(name.toLowerCase())
    if (known !== undefined) {
      unbounded ||= OUTPUT_MEMBERS.includes(known) && (known !== name || known in members)
      if (known === name) members[name] = valueAt(json, { start, end })
    }
  })
  if (!whole) return unseen('is no JSON object that can be followed to its end')
  for (const place of nested) readable &&= takeNested(json, place.split('.'), models)
  if (!readable) return unseen(NO_NAME)
  return { unseen: '', models, asked: [...new Set(asked)], unbounded, members, modelAt: undefined }
}

/** Takes the names in the value of a member; a null names none. @returns whether they are texts */
function takeNames(value: unknown, names: string[]): boolean {
  if (value === null) return true
  for (const name of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (typeof name !== 'string') return false
    // As Gemini writes names in content.
    if (name !== '') names.push(name.replace(/^models\//, ''))
  }
  return true
}

/** Takes the names that stand deeper down. @returns whether all of them could be read */
function takeNested(json: Uint8Array, [step, ...rest]: readonly string[], names: string[]): boolean {
  if (step === undefined) return takeNames(valueAt(json, { start: 0, end: json.length }), names)
  let readable = true
  const into = (start: number, end: number): void => {
    readable &&= takeNested(json.subarray(start, end), rest, names)
  }
  // A value of another kind has no such place.
  if (step === '*') return json[0] !== OPEN_BRACKET || (walkElements(json, into) && readable)
  if (json[0] !== OPEN_BRACE && !isSpace(json[0])) return true
  const whole = walkTopLevel(json, (name, start, end) => {
    if (name.toLowerCase() === step.toLowerCase()) into(start, end)
  })
  return whole && readable
}

const COLON = 58
const OPEN_BRACE = 123
const OPEN_BRACKET = 91

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}

function readForm(plain: Uint8Array, contentType: string): SeenContent {
  const fields = fieldsOfForm(plain, contentType, FIELD_NAMES_MODEL)
  if (!fields) return unseen('is no form that all readers understand alike')
  const named = fields.filter(({ name }) => name !== 'user')
  const asked = new Set(named.filter(({ name }) => /^\s*model\s*$/iu.test(name)).map(({ value }) => value))
  return {
    unseen: '',
    models: named.map(({ value }) => value),
    asked: [...asked],
    unbounded: false,
    members: Object.fromEntries(fields.toReversed().map(({ name, value }) => [name, value])),
    modelAt: undefined,
  }
}
