import { declaredOpaque, NOT_UTF8, readContentType, seeBody, type SeenBody } from './body-kind.ts'
import { applyEdits, countEdits, type Counts, type Edit } from './edits.ts'
import { EventFraming } from '../wire/framing/event-framing.ts'
import type { Framing } from '../wire/framing/event-pieces.ts'
import { EventRedactor, type ReadyEvent } from './event-redactor.ts'
import { judgeForm } from './form.ts'
import { judgeLoose } from './loose-text.ts'
import { judgeMultipart } from './multipart.ts'
import { asRead, readText, readWide, writeText, writeWide } from '../wire/text-bytes.ts'
import { openFrom } from './matches.ts'
import { judgeJson, judgeText, type TextRules } from './text-rules.ts'

/** The result of inspecting a body. */
export type BodyVerdict =
  | {
      readonly kind: 'judged'
      /** The same object when nothing was replaced. */
      readonly content: Uint8Array
      readonly counts: Counts
      /** What was replaced: places are characters of the body as text. */
      readonly edits: readonly Edit[]
      /** Parts that could not be inspected: images, audio, files. */
      readonly uninspectable: number
    }
  | { readonly kind: 'uninspectable'; readonly reason: string }

/** Depth to which bodies within bodies are inspected, as forms have them. */
const MAX_DEPTH = 5

/**
 * Inspects a whole body, decoded. Its bytes decide what it is; the declared type can only make it uninspectable. Bytes without a
 * match stay as they were.
 *
 * @param contentType the field as it was declared; empty for none
 * @param cut the body was cut off: an end that may be the beginning of a match is removed
 */
export function judgeBody(
  bytes: Uint8Array,
  contentType: string,
  rules: TextRules,
  cut = false,
  depth = 0,
): BodyVerdict {
  if (bytes.length === 0) return unchanged(bytes, 0)
  const declared = readContentType(contentType)
  // Where uninspectable content may pass, text under a wrong type must still be inspected.
  const reason = rules.hidesUninspectable ? declaredOpaque(declared) : ''
  if (reason !== '') return { kind: 'uninspectable', reason }
  if (depth > MAX_DEPTH) return { kind: 'uninspectable', reason: 'parts stand in parts too deep' }
  const wide = readWide(bytes)
  if (wide) {
    const plain = Buffer.from(wide.text)
    const verdict = judgeBody(plain, contentType, rules, cut, depth + 1)
    if (verdict.kind === 'uninspectable') return verdict
    if (verdict.content === plain) return { ...verdict, content: bytes }
    const text = Buffer.from(verdict.content).toString('utf8')
    return { ...verdict, content: writeWide({ ...wide, text }) }
  }
  const seen = seeBody(bytes, declared)
  if (declared.mediaType.startsWith('multipart/') && seen.kind !== 'multipart' && rules.hidesUninspectable)
    return { kind: 'uninspectable', reason: 'the form does not have its boundary' }
  switch (seen.kind) {
    case 'opaque':
      return { kind: 'uninspectable', reason: seen.reason }
    case 'multipart': {
      // A boundary cannot be replaced: its form is text then.
      if (judgeText(seen.boundary, rules).length > 0)
        return judgeWhole(bytes, { ...seen, ...readText(bytes), kind: 'text' }, rules, cut)
      const judgePart = (part: Uint8Array, type: string, partCut: boolean): BodyVerdict =>
        judgeBody(part, type, rules, partCut, depth + 1)
      return judgeMultipart(bytes, seen.boundary, judgePart, rules, cut)
    }
    case 'sse':
    case 'lines':
      return judgeEvents(bytes, seen.kind, rules, cut)
    case 'json':
    case 'form':
    case 'text':
      return judgeWhole(bytes, seen, rules, cut)
    default:
      return seen.kind satisfies never
  }
}

function unchanged(content: Uint8Array, uninspectable: number): BodyVerdict {
  return { kind: 'judged', content, counts: {}, edits: [], uninspectable }
}

function judgeWhole(
  bytes: Uint8Array,
  { kind, text, utf8 }: SeenBody,
  rules: TextRules,
  cut: boolean,
): BodyVerdict {
  const json = kind === 'json'
  if (!utf8 && !json && rules.hidesUninspectable) return { kind: 'uninspectable', reason: NOT_UTF8 }
  if (json && streamsObjects(text)) {
    return judged(
      bytes,
      (redactor) => redactor.take({ raw: text, data: text, lines: [[0, 0]], others: [], utf8 }),
      rules,
    )
  }
  const { edits: found, uninspectable } = json
    ? judgeJson(text, rules)
    : judgeLoose(text, rules, kind === 'form' ? judgeForm(text, rules) : [])
  const edits = [...found]
  if (cut && !json) takeOutOpen(text, edits, rules)
  if (edits.length === 0) return unchanged(bytes, uninspectable)
  const counts: Counts = {}
  countEdits(edits, counts)
  const written = edits.map((edit) => ({ ...edit, replacement: asRead(edit.replacement, utf8) }))
  return { kind: 'judged', content: writeText(applyEdits(text, written), utf8), counts, edits, uninspectable }
}

/** Removes the end of a text that was cut off, where it may be the beginning of a match. */
function takeOutOpen(text: string, edits: Edit[], { detectors }: TextRules): void {
  const from = Math.max(openFrom(text, detectors), edits.at(-1)?.end ?? 0)
  if (from < text.length) edits.push({ start: from, end: text.length, name: '', replacement: '' })
}

/** Gemini streams one array of responses; a text goes on from one to the next. */
function streamsObjects(text: string): boolean {
  return /^\s*\[\s*\{\s*"candidates"/.test(text)
}

function judgeEvents(bytes: Uint8Array, framing: Framing, rules: TextRules, cut: boolean): BodyVerdict {
  const events = new EventFraming(framing)
  return judged(
    bytes,
    (redactor) => {
      const ready = events.write(bytes).flatMap((event) => redactor.take(event))
      const last = events.end()
      // An event that was cut off is left out: what it shows cannot be separated from what it may hide.
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
