import { withOthers, type Edit } from './edits.ts'
import { matchesIn, openFrom } from './matches.ts'
import { JsonView } from '../wire/json/view.ts'
import { escaped } from '../wire/json/strings.ts'
import type { TextRules } from './text-rules.ts'

/** What is kept of a text that has been given out: detectors look at what stands before a match. */
const CONTEXT = 64

/** Most that is held back, whatever a detector asks for. */
const MAX_HELD = 20_480

/** Most that is held back of a value of a denied name. The rest of a longer one is removed as it comes. */
const MAX_HELD_DENIED = 2048

/** So much may wait and be looked at again with every piece. */
const MAX_LOOKED_AT_AGAIN = 256

/** More is looked at again when a part of it as large as this has come anew: so each character is looked at a few times, in however small pieces it comes. */
const NEW_SHARE = 1 / 8

/** A part of a text, as it came. */
interface Piece {
  readonly start: number
  readonly end: number
  /** Called once, with what is to be changed in the piece: places are the piece's. */
  readonly settled: (edits: readonly Edit[]) => void
}

/**
 * A text that comes in pieces, each with its part of the edits. A match over several pieces is replaced in the first and removed from
 * the others. A piece is settled as soon as nothing that follows can change its matches.
 */
export class PieceText {
  readonly #rules: TextRules
  readonly #pieces: Piece[] = []
  /** What is looked at, and the place of its beginning in the whole. What is JSON is in the view instead. */
  #text = ''
  #from = 0
  #view: JsonView | undefined
  /** The whole's length. */
  #end = 0
  /** Nothing that follows changes the matches before here. */
  #decidedTo = 0
  /** The edits before there, as far as they belong to pieces that are not settled. */
  #decided: Edit[] = []
  /** Where the last edit begins that was decided. */
  #last = -1
  /** How long the whole is to be before it is looked at again. */
  #lookAt = 0

  constructor(rules: TextRules) {
    this.#rules = rules
  }

  /** Takes the next piece. @throws OutOfTimeError */
  write(said: string, settled: Piece['settled']): void {
    const start = this.#end
    this.#end += said.length
    this.#pieces.push({ start, end: this.#end, settled })
    if (!this.#view && /^\s*$/.test(this.#text) && /^\s*[[{]/.test(said) && this.#from === 0)
      this.#view = new JsonView((place, kind) => this.#rules.denied.has(place, kind), start)
    if (this.#view) this.#view.write(said)
    else this.#text += said
    if (this.#end >= this.#lookAt) this.#look()
  }

  /**
   * Nothing follows: settles every piece.
   *
   * @param cut the text was cut off: an end that may be the beginning of a match is removed
   */
  end(cut = false): void {
    const { edits, open } = this.#judge()
    if (cut && open < this.#end) {
      const from = edits.reduce((least, { end }) => Math.max(least, end), open)
      edits.push({ start: from, end: this.#end, name: '', replacement: '' })
    }
    this.#decide(edits, this.#end)
    this.#text = ''
    this.#from = this.#end
    this.#view = undefined
  }

  #look(): void {
    const { edits, open } = this.#judge()
    const most = this.#end - MAX_HELD
    let safe = Math.max(open, most)
    for (const { start, end, name } of edits) {
      if (start < safe && end > safe && start > most && name !== 'field_name') safe = start
    }
    this.#decide(edits, safe)
    this.#forget(this.#decidedTo - CONTEXT)
    const waits = this.#end - this.#decidedTo
    this.#lookAt = waits > MAX_LOOKED_AT_AGAIN ? this.#end + waits * NEW_SHARE : 0
  }

  #judge(): { edits: Edit[]; open: number } {
    return this.#view ? this.#judgeView(this.#view) : this.#judgePlain()
  }

  #judgePlain(): { edits: Edit[]; open: number } {
    const { detectors, placeholders, budget } = this.#rules
    const edits = matchesIn(this.#text, detectors, budget).map(({ start, end, name, type, said }) => ({
      start: this.#from + start,
      end: this.#from + end,
      name,
      replacement: placeholders.of(type, said),
    }))
    return { edits, open: this.#from + openFrom(this.#text, detectors) }
  }

  #judgeView(view: JsonView): { edits: Edit[]; open: number } {
    const { detectors, placeholders, budget } = this.#rules
    const place = (at: number): number => (at < view.places.length ? view.places[at]! : view.readEnd)
    const denied: Edit[] = []
    let open = openFrom(view.text, detectors)
    for (const { start, end, at, string } of view.wholes) {
      const until = end < 0 ? view.text.length : end
      // All of it goes, whatever else matches in it.
      if (end < 0) open = at === this.#last ? until : Math.max(start, until - MAX_HELD_DENIED)
      const placeholder = escaped(placeholders.of('FIELD', view.text.slice(start, until)))
      const replacement = string ? placeholder : `"${placeholder}"`
      denied.push({ start: at, end: place(until), name: 'field_name', replacement })
    }
    const matches = matchesIn(view.text, detectors, budget).map(({ start, end, name, type, said }) => {
      const value = placeholders.of(type, said)
      const replacement = view.within[start] ? escaped(value) : value
      return { start: place(start), end: place(end), name, replacement }
    })
    return { edits: withOthers(denied, matches), open: place(open) }
  }

  /** Settles the matches up to here, with the pieces that end up to here. */
  #decide(edits: readonly Edit[], to: number): void {
    for (const edit of edits) {
      // What was given out is given out.
      const start = Math.max(edit.start, this.#decidedTo)
      const end = Math.min(edit.end, to)
      if (start >= end) continue
      this.#decided.push(edit.start === this.#last ? { start, end, ...REST } : { ...edit, start, end })
      this.#last = edit.start
    }
    this.#decidedTo = Math.max(this.#decidedTo, to)
    let settled = 0
    let first = 0
    for (const piece of this.#pieces) {
      if (piece.end > this.#decidedTo) break
      settled += 1
      while (first < this.#decided.length && this.#decided[first]!.end <= piece.start) first += 1
      piece.settled(partsOf(piece, this.#decided, first))
    }
    this.#pieces.splice(0, settled)
    this.#decided.splice(0, first)
  }

  #forget(before: number): void {
    const count = before - this.#from
    if (count <= CONTEXT) return
    if (this.#view) {
      let cut = 0
      while (cut < this.#view.places.length && this.#view.places[cut]! < before) cut += 1
      this.#view.cut(cut)
    } else this.#text = this.#text.slice(count)
    this.#from = before
  }
}

/** An edit's part behind its first piece. */
const REST = { name: '', replacement: '' }

/** What of the edits falls into a piece: the replacement where an edit begins, nothing where it goes on. */
function partsOf({ start, end }: Piece, edits: readonly Edit[], first: number): Edit[] {
  const parts: Edit[] = []
  for (let i = first; i < edits.length && edits[i]!.start < end; i++) {
    const edit = edits[i]!
    const from = Math.max(edit.start, start)
    const to = Math.min(edit.end, end)
    const part = { start: from - start, end: to - start }
    if (from < to) parts.push(from === edit.start ? { ...edit, ...part } : { ...part, ...REST })
  }
  return parts
}
