import { countEdits, applyEdits, withOthers, type Counts, type Edit } from './edits.ts'
import { EventFraming, type Framing } from './event-framing.ts'
import { EventRedactor, type ReadyEvent } from './event-redactor.ts'
import { bodyKind } from './body-kind.ts'
import { judgeMultipart } from './multipart.ts'
import { asRead, readText, writeText } from './text-bytes.ts'
import { openFrom } from './finds.ts'
import { isJson, judgeJson, judgeString, judgeText, type TextRules } from './text-rules.ts'

/** What came of looking through a body. */
export type BodyVerdict =
  | {
      readonly kind: 'judged'
      /** The same object when nothing was replaced. */
      readonly content: Uint8Array
      readonly counts: Counts
      /** What was replaced: places are characters of the body as text. */
      readonly edits: readonly Edit[]
      /** Parts that could not be looked into: images, audio, files. */
      readonly uninspectable: number
    }
  | { readonly kind: 'uninspectable'; readonly reason: string }

/**
 * Looks through a whole body, decoded. Bytes in which nothing was found stay as they were.
 *
 * @param mediaType lower-case, without parameters
 * @param cut the body was cut off: what might have gone on to be found is taken out at its end
 */
export function judgeBody(bytes: Uint8Array, mediaType: string, rules: TextRules, cut = false): BodyVerdict {
  if (bytes.length === 0) return { kind: 'judged', content: bytes, counts: {}, edits: [], uninspectable: 0 }
  const kind = bodyKind(mediaType)
  switch (kind) {
    case 'sse':
    case 'lines':
      return judgeEvents(bytes, kind, rules, cut)
    case 'multipart':
      return judgeMultipart(bytes, (part, type) => judgeBody(part, type, rules), rules)
    case 'opaque':
      // Where the type alone would let it pass, text must not pass under a wrong one.
      if (!rules.hidesUninspectable && isText(bytes)) return judgeWhole(bytes, 'text', rules, cut)
      return { kind: 'uninspectable', reason: `${mediaType.slice(0, MAX_TYPE)} cannot be looked into` }
    case 'json':
    case 'form':
    case 'text':
      return judgeWhole(bytes, kind, rules, cut)
    default:
      return kind satisfies never
  }
}

function judgeWhole(
  bytes: Uint8Array,
  kind: 'json' | 'form' | 'text',
  rules: TextRules,
  cut: boolean,
): BodyVerdict {
  const { text, utf8 } = readText(bytes)
  const json = kind !== 'form' && (isJson(text) || (kind === 'json' && isScalar(text)))
  if (!utf8 && !json) return { kind: 'uninspectable', reason: 'non-json body is not valid utf-8' }
  // Text in two bytes a character, most likely.
  if (!json && bytes.includes(0))
    return { kind: 'uninspectable', reason: 'text with NUL bytes cannot be looked into' }
  if (json && streamsObjects(text)) {
    return judged(
      bytes,
      (redactor) => redactor.take({ raw: text, data: text, lines: [[0, 0]], others: [], utf8 }),
      rules,
    )
  }
  const { edits: found, uninspectable } = json
    ? judgeJson(text, rules)
    : { edits: kind === 'form' ? judgeForm(text, rules) : judgeBroken(text, rules), uninspectable: 0 }
  const edits = [...found]
  if (cut && !json) takeOutOpen(text, edits, rules)
  const counts: Counts = {}
  countEdits(edits, counts)
  if (edits.length === 0) return { kind: 'judged', content: bytes, counts, edits, uninspectable }
  const written = edits.map((edit) => ({ ...edit, replacement: asRead(edit.replacement, utf8) }))
  return { kind: 'judged', content: writeText(applyEdits(text, written), utf8), counts, edits, uninspectable }
}

/** Takes out of a text that was cut off what might have gone on to be found. */
function takeOutOpen(text: string, edits: Edit[], { detectors }: TextRules): void {
  const from = Math.max(openFrom(text, detectors), edits.at(-1)?.end ?? 0)
  if (from < text.length) edits.push({ start: from, end: text.length, name: '', replacement: '' })
}

/** Longest media type that is told. */
const MAX_TYPE = 100

function isText(bytes: Uint8Array): boolean {
  return !bytes.includes(0) && readText(bytes).utf8
}

/** A string, number, boolean or null by itself. */
function isScalar(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Gemini streams one array of answers, over which texts go on. */
function streamsObjects(text: string): boolean {
  return /^\s*\[\s*\{\s*"candidates"/.test(text)
}

/** Text, and JSON that is cut off or otherwise none: names of members count as far as they can be told. */
function judgeBroken(text: string, rules: TextRules): Edit[] {
  if (!/^\s*[[{]/.test(text)) return judgeText(text, rules)
  return withOthers(judgeJson(text, rules).edits, judgeText(text, rules))
}

/** Fields of a form in a URL's encoding: values that change are encoded anew, the others stay. */
function judgeForm(text: string, rules: TextRules): Edit[] {
  const edits: Edit[] = []
  let end = -1
  for (const pair of text.split('&')) {
    const from = end + 1
    end = from + pair.length
    const equals = pair.indexOf('=')
    if (equals < 0) continue
    const start = from + equals + 1
    const value = decodedPart(text.slice(start, end))
    const name = decodedPart(pair.slice(0, equals))
    if (rules.denied.has({ name, path: [name], elements: [0] }, 'string')) {
      const replacement = encodeURIComponent(rules.placeholders.of('FIELD', value))
      edits.push({ start, end, name: 'field_name', replacement })
      continue
    }
    const inside = judgeString(value, rules, 0).edits
    if (inside.length === 0) continue
    const replacement = encodeURIComponent(applyEdits(value, inside))
    for (const [i, edit] of inside.entries()) {
      edits.push(
        i === 0
          ? { start, end, name: edit.name, replacement }
          : { start: end, end, name: edit.name, replacement: '' },
      )
    }
  }
  return edits
}

function decodedPart(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '))
  } catch {
    return part
  }
}

function judgeEvents(bytes: Uint8Array, framing: Framing, rules: TextRules, cut: boolean): BodyVerdict {
  const events = new EventFraming(framing)
  return judged(
    bytes,
    (redactor) => {
      const ready = events.write(bytes).flatMap((event) => redactor.take(event))
      const last = events.end()
      // An event that was cut off says nothing that could be told from what it hides.
      return cut ? ready : [...ready, ...last.flatMap((event) => redactor.take(event))]
    },
    rules,
    cut,
  )
}

function judged(
  bytes: Uint8Array,
  give: (redactor: EventRedactor) => ReadyEvent[],
  rules: TextRules,
  cut = false,
): BodyVerdict {
  const redactor = new EventRedactor(rules)
  const ready = [...give(redactor), ...redactor.end(cut)]
  const { counts, uninspectable, changed } = redactor
  if (!changed && !cut) return { kind: 'judged', content: bytes, counts, edits: [], uninspectable }
  const content = Buffer.concat(ready.map(({ text, utf8 }) => writeText(text, utf8)))
  const edits: Edit[] = []
  let offset = 0
  for (const event of ready) {
    for (const edit of event.edits)
      edits.push({ ...edit, start: offset + edit.start, end: offset + edit.end })
    offset += event.rawLength
  }
  return { kind: 'judged', content, counts, edits, uninspectable }
}
