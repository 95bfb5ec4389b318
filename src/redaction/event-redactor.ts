import { parseObject, type JsonObject } from '../wire/json/values.ts'
import type { RawEvent } from '../wire/framing/event-framing.ts'
import { applyEdits, countEdits, type Counts, type Edit } from './edits.ts'
import { textOfPiece, textsEndedBy } from './event-texts.ts'
import { isJson } from '../wire/json/is-json.ts'
import { unescaped } from '../wire/json/strings.ts'
import { judgeLoose } from './loose-text.ts'
import { PieceText } from './piece-text.ts'
import { asRead } from '../wire/text-bytes.ts'
import { inRaw, judgeJson, type TextRules, type TextVerdict } from './text-rules.ts'

/** Most characters of events that may wait. Beyond, the first goes out with what is known of its text. */
const MAX_WAITING = 1024 * 1024

/** Most texts of a stream that are followed at once. */
const MAX_TEXTS = 1000

/** An event that may go. */
export interface ReadyEvent {
  readonly text: string
  readonly utf8: boolean
  /** What was changed in it, and how long it was before. */
  readonly edits: readonly Edit[]
  readonly rawLength: number
  /** It holds content that could not be inspected. */
  readonly uninspectable: boolean
}

interface Waiting {
  readonly event: RawEvent
  readonly edits: Edit[]
  uninspectable: boolean
  /** Pieces of texts in it that are not settled. */
  open: number
}

/**
 * Redacts the events of a stream as they come. Whole strings are inspected at once. Pieces of a longer text wait until nothing that
 * follows can change their matches, and the events behind wait with them. No event is added, removed or moved.
 */
export class EventRedactor {
  /** Matches so far. */
  readonly counts: Counts = {}
  /** Strings that could not be inspected. */
  uninspectable = 0
  /** Whether an event has come out as another than it came in. */
  changed = false
  readonly #rules: TextRules
  readonly #texts = new Map<string, PieceText>()
  #waiting: Waiting[] = []
  #waitingLength = 0

  constructor(rules: TextRules) {
    this.#rules = rules
  }

  /** Takes an event. @returns those that may go now, in order */
  take(event: RawEvent): ReadyEvent[] {
    const waiting: Waiting = { event, edits: [], uninspectable: false, open: 0 }
    this.#waiting.push(waiting)
    this.#waitingLength += event.raw.length
    const object = parseObject(event.data)
    if (object) this.#takeObject(object, waiting)
    else if (event.data !== '' && event.data !== '[DONE]') {
      const verdict = isJson(event.data)
        ? judgeJson(event.data, this.#rules)
        : judgeLoose(event.data, this.#rules)
      this.#found(waiting, verdict)
    }
    if (event.data === '[DONE]') this.#endTexts('')
    while (this.#waitingLength > MAX_WAITING && this.#waiting[0]!.open > 0) this.#endTexts('')
    return this.#ready()
  }

  /** The stream has ended, or was cut off. @returns what was still waiting */
  end(cut = false): ReadyEvent[] {
    this.#endTexts('', cut)
    return this.#ready()
  }

  #takeObject(object: JsonObject, waiting: Waiting): void {
    const { data } = waiting.event
    const pieces: { readonly text: string; readonly raw: string; readonly start: number }[] = []
    const verdict = judgeJson(data, this.#rules, (raw, { start }, place) => {
      const text = textOfPiece(object, place)
      if (text === undefined) return false
      pieces.push({ text, raw, start })
      return true
    })
    this.#found(waiting, verdict)
    waiting.open += pieces.length
    for (const { text, raw, start } of pieces) {
      this.#text(text).write(unescaped(raw), (parts) => {
        waiting.open -= 1
        for (const edit of inRaw(raw, start, parts)) waiting.edits.push(edit)
      })
    }
    for (const ended of textsEndedBy(object)) this.#endTexts(ended)
  }

  #found(waiting: Waiting, { edits, uninspectable }: TextVerdict): void {
    this.uninspectable += uninspectable
    waiting.uninspectable = uninspectable > 0
    for (const edit of edits) waiting.edits.push(edit)
  }

  #text(name: string): PieceText {
    let text = this.#texts.get(name)
    if (!text) {
      if (this.#texts.size >= MAX_TEXTS) this.#endTexts('')
      text = new PieceText(this.#rules)
      this.#texts.set(name, text)
    }
    return text
  }

  /** Ends the texts whose names begin so. */
  #endTexts(beginning: string, cut = false): void {
    for (const [name, text] of this.#texts) {
      if (beginning !== '' && !name.startsWith(`${beginning} `) && !name.startsWith(`${beginning}/`)) continue
      this.#texts.delete(name)
      text.end(cut)
    }
  }

  #ready(): ReadyEvent[] {
    const ready: ReadyEvent[] = []
    while (this.#waiting.length > 0 && this.#waiting[0]!.open === 0) {
      const { event, edits, uninspectable } = this.#waiting.shift()!
      this.#waitingLength -= event.raw.length
      const others = event.others.flatMap(({ start, end }) =>
        judgeLoose(event.raw.slice(start, end), this.#rules).edits.map((edit) => ({
          ...edit,
          start: start + edit.start,
          end: start + edit.end,
        })),
      )
      countEdits(edits, this.counts)
      countEdits(others, this.counts)
      const all = [...inEvent(event, edits), ...others].sort((a, b) => a.start - b.start)
      if (all.length > 0) this.changed = true
      const { raw, utf8 } = event
      const text = applyEdits(
        raw,
        utf8 ? all : all.map((edit) => ({ ...edit, replacement: asRead(edit.replacement, utf8) })),
      )
      ready.push({ text, utf8, edits: all, rawLength: raw.length, uninspectable })
    }
    return ready
  }
}

/** Edits of an event's data, as edits of the event. */
function inEvent({ lines }: RawEvent, edits: readonly Edit[]): Edit[] {
  if (edits.length === 0) return []
  let line = 0
  const place = (at: number): number => {
    while (line + 1 < lines.length && lines[line + 1]![0] <= at) line += 1
    return lines[line]![1] + at - lines[line]![0]
  }
  return [...edits]
    .sort((a, b) => a.start - b.start)
    .map((edit) => ({ ...edit, start: place(edit.start), end: place(edit.end - 1) + 1 }))
}
