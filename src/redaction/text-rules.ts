import type { Detector } from './detectors/detector.ts'
import type { Span } from '../wire/span.ts'
import { DeniedValues } from './denied-values.ts'
import { applyEdits, wholeEdits, type Edit } from './edits.ts'
import { matchesIn } from './matches.ts'
import { encodedText, isBase64DataUrl } from './encoded-text.ts'
import { goJson } from '../wire/json/go-json.ts'
import { isJson } from '../wire/json/is-json.ts'
import type { JsonPlace } from '../wire/json/place.ts'
import { escaped, rawPlaces, unescaped } from '../wire/json/strings.ts'
import { walkJson } from '../wire/json/walk.ts'
import type { Placeholders } from './placeholders.ts'
import type { TimeBudget } from './time-budget.ts'

/** What is matched in texts, and what replaces it. */
export interface TextRules {
  readonly detectors: readonly Detector[]
  readonly denied: DeniedValues
  readonly placeholders: Placeholders
  /** Whether content that cannot be inspected (images and audio within JSON) is replaced too, as `UNINSPECTABLE`. */
  readonly hidesUninspectable: boolean
  /** The time that inspection may take; absent where nothing waits for it. */
  readonly budget?: TimeBudget
}

/** Takes a string that is part of a longer text elsewhere. A string that it does not take is inspected here. */
export type TakePiece = (raw: string, span: Span, place: JsonPlace) => boolean

/** The edits of a text, and how many of its strings could not be inspected. */
export interface TextVerdict {
  /** In order, none overlapping another. */
  readonly edits: readonly Edit[]
  readonly uninspectable: number
}

/** Depth to which JSON in strings of JSON is inspected: tool calls, and what they carry. */
const MAX_NESTING = 4

/** Inspects plain text. @throws OutOfTimeError */
export function judgeText(text: string, { detectors, placeholders, budget }: TextRules): Edit[] {
  return matchesIn(text, detectors, budget).map(({ start, end, name, type, said }) => ({
    start,
    end,
    name,
    replacement: placeholders.of(type, said),
  }))
}

/** Inspects a JSON text, names of members and JSON in its strings included. Numbers stay as they are. @throws OutOfTimeError */
export function judgeJson(text: string, rules: TextRules, takePiece?: TakePiece, nesting = 0): TextVerdict {
  const { denied, placeholders } = rules
  const edits: Edit[] = []
  let uninspectable = 0
  let type = { depth: 0, value: '' }
  const hide = (start: number, end: number, replacement: string): void => {
    edits.push({ start, end, name: 'field_name', replacement })
  }
  walkJson(text, {
    name(span) {
      const raw = text.slice(span.start, span.end)
      const found = judgeName(unescaped(raw), rules)
      for (const edit of inRaw(raw, span.start, found)) edits.push(edit)
    },
    string(span, place) {
      const raw = text.slice(span.start, span.end)
      if (raw === '') return
      rules.budget?.spend(raw.length)
      if (denied.has(place, 'string')) {
        hide(span.start, span.end, escaped(placeholders.of('FIELD', unescaped(raw))))
        return
      }
      if (takePiece?.(raw, span, place)) return
      if (place.name === 'type') type = { depth: place.path.length, value: raw }
      const sealed = type.depth === place.path.length && type.value === 'redacted_thinking'
      const said = unescaped(raw)
      const carried = carriedBy(said, place, sealed, rules)
      if (carried === 'opaque') return
      if (carried === 'media') {
        uninspectable += 1
        if (!rules.hidesUninspectable) return
        const replacement = placeholders.of('UNINSPECTABLE', raw)
        edits.push({ ...span, name: 'uninspectable', replacement })
        return
      }
      const verdict = judgeString(said, rules, nesting)
      uninspectable += verdict.uninspectable
      for (const edit of inRaw(raw, span.start, verdict.edits)) edits.push(edit)
    },
    begins: (kind, place) => denied.has(place, kind),
    whole({ start, end }) {
      hide(start, end, `"${escaped(placeholders.of('FIELD', written(text.slice(start, end))))}"`)
    },
  })
  return { edits, uninspectable }
}

/** What a string says: text, JSON once more, or either of them encoded. */
export function judgeString(said: string, rules: TextRules, nesting: number): TextVerdict {
  if (nesting < MAX_NESTING) {
    if (isJson(said)) return judgeJson(said, rules, undefined, nesting + 1)
    const encoded = encodedText(said, !rules.hidesUninspectable)
    if (encoded) {
      const { edits, uninspectable } = judgeString(encoded.text, rules, nesting + 1)
      if (edits.length > 0 || uninspectable > 0) {
        const replacement = encoded.write(applyEdits(encoded.text, edits))
        return { edits: wholeEdits(0, said.length, replacement, edits), uninspectable }
      }
    }
  }
  return { edits: judgeText(said, rules), uninspectable: 0 }
}

/** Member names without a match, by the detectors: names repeat from body to body. */
const clean = new WeakMap<readonly Detector[], Set<string>>()
const MAX_CLEAN_NAMES = 5000
const MAX_CLEAN_NAME = 64

function judgeName(name: string, rules: TextRules): readonly Edit[] {
  let known = clean.get(rules.detectors)
  if (!known) clean.set(rules.detectors, (known = new Set()))
  if (known.has(name)) return []
  const edits = judgeText(name, rules)
  if (edits.length === 0 && name.length <= MAX_CLEAN_NAME && known.size < MAX_CLEAN_NAMES) known.add(name)
  return edits
}

/** Edits of what a JSON string says, as edits of the text that the string stands in. */
export function inRaw(raw: string, offset: number, edits: readonly Edit[]): Edit[] {
  if (edits.length === 0) return []
  const simple = !raw.includes('\\') || unescaped(raw) === raw
  const places = edits.flatMap(({ start, end }) => [start, end])
  const found = simple ? places : rawPlaces(raw, places)
  return edits.map(({ name, replacement }, i) => ({
    start: offset + found[i * 2]!,
    end: offset + found[i * 2 + 1]!,
    name,
    replacement: escaped(replacement),
  }))
}

/** Members whose long values in base64 are media. */
const MEDIA_MEMBERS = [
  'data',
  'delta',
  'file_data',
  'b64_json',
  'image',
  'audio',
  'bytes',
  'partial_image_b64',
]

/** Members whose long values in base64 are for the provider alone, and valid only as they are. */
const OPAQUE_MEMBERS = ['signature', 'encrypted_content', 'thoughtSignature', 'thought_signature']

/** How a provider's sealed reasoning begins, wherever it stands. */
const SEALED = 'gAAAAA'

const MIN_BASE64 = 64

/** What a string that is no text carries: media, which may hold anything, or a provider's seal; `undefined` for text. */
function carriedBy(
  said: string,
  { name }: JsonPlace,
  sealed: boolean,
  rules: TextRules,
): 'media' | 'opaque' | undefined {
  const url = isBase64DataUrl(said)
  const opaque = sealed || OPAQUE_MEMBERS.includes(name) || (name === 'data' && said.startsWith(SEALED))
  if (!url) {
    if (said.length < MIN_BASE64 || !(opaque || MEDIA_MEMBERS.includes(name))) return undefined
    if (!/^[A-Za-z0-9+/_\r\n=-]+$/.test(said)) return undefined
  }
  if (encodedText(said, !rules.hidesUninspectable)?.unicode) return undefined
  return opaque ? 'opaque' : 'media'
}

/** A value as its placeholder's hash knows it. */
function written(raw: string): string {
  try {
    return goJson(JSON.parse(raw))
  } catch {
    return raw
  }
}
