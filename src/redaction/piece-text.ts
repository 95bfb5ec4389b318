import type { Edit } from './edits.ts'
import { findAll, openFrom } from './finds.ts'
import { JsonView } from './json-view.ts'
import { escaped } from './json-walk.ts'
import type { TextRules } from './text-rules.ts'

/** What is kept of a text that has been given out: detectors look at what stands before a find. */
const CONTEXT = 64

/** Most that is held back, whatever a detector asks for. */
const MAX_HELD = 20_480

/** Of a value of a denied name: a longer one is replaced by what is known of it, and the rest is taken out as it comes. */
const MAX_HELD_DENIED = 2048

/** A part of a text, as it came. */
interface Piece {
  readonly start: number
  readonly end: number
  /** Called once, with what is to be changed in the piece: places are the piece's. */
  readonly settled: (edits: readonly Edit[]) => void
}

/**
 * A text that comes in pieces, to each of which a part of the edits belongs: what is found over several is replaced in the first and
 * taken out of the others. A piece is settled as soon as nothing that follows can change what was found in it.
 */
export class PieceText {
  readonly #rules: TextRules
  #pieces: Piece[] = []
  /** What is looked at, the place of its beginning in the whole, and of the whole's end. */
  #text = ''
  #from = 0
  #end = 0
  #view: JsonView | undefined
  /** Everything before has been settled. */
  #settledTo = 0
  /** Where the last edit begins that was given out. */
  #given = -1

  constructor(rules: TextRules) {
    this.#rules = rules
  }

  /** Takes the next piece. */
  write(said: string, settled: Piece['settled']): void {
    const start = this.#end
    this.#end += said.length
    this.#pieces.push({ start, end: this.#end, settled })
    if (start === 0 && /^\s*[[{]/.test(said)) this.#view = new JsonView(this.#rules.denied, 0)
    this.#text += said
    this.#view?.write(said)
    this.#settle(false)
  }

  /**
   * Nothing follows: settles every piece.
   *
   * @param cut the text was cut off, so that what might have gone on to be found is taken out
   */
  end(cut = false): void {
    this.#settle(true, cut)
    this.#text = ''
    this.#from = this.#end
    this.#view = undefined
  }

  #settle(final: boolean, cut = false): void {
    const { edits, open } = this.#view ? this.#judgeView(this.#view) : this.#judgePlain()
    let safe = final ? this.#end : Math.max(open, this.#end - MAX_HELD)
    if (!final) {
      for (const { start, end, name } of edits) {
        const straddles = start < safe && end > safe && start > this.#end - MAX_HELD
        if (straddles && name !== 'field_name') safe = start
      }
    }
    if (cut && open < this.#end) {
      const from = edits.reduce((least, { end }) => Math.max(least, end), open)
      edits.push({ start: from, end: this.#end, name: '', replacement: '' })
    }
    let settled = 0
    while (settled < this.#pieces.length && this.#pieces[settled]!.end <= safe) settled += 1
    if (settled === 0) return
    for (const piece of this.#pieces.splice(0, settled)) {
      piece.settled(this.#partsOf(piece, edits))
      this.#settledTo = piece.end
    }
    this.#forget(this.#settledTo - CONTEXT)
  }

  #judgePlain(): { edits: Edit[]; open: number } {
    const { detectors, placeholders } = this.#rules
    const edits = findAll(this.#text, detectors).map(({ start, end, name, type }) => ({
      start: this.#from + start,
      end: this.#from + end,
      name,
      replacement: placeholders.of(type, this.#text.slice(start, end)),
    }))
    return { edits, open: this.#from + openFrom(this.#text, detectors) }
  }

  #judgeView(view: JsonView): { edits: Edit[]; open: number } {
    const { detectors, placeholders } = this.#rules
    const place = (at: number): number => (at < view.places.length ? view.places[at]! : view.readEnd)
    const edits: Edit[] = []
    let open = openFrom(view.text, detectors)
    for (const { start, end, at, string } of view.denied) {
      const until = end < 0 ? view.text.length : end
      // All of it goes, whatever else could be found in it.
      if (end < 0) open = at === this.#given ? until : Math.max(start, until - MAX_HELD_DENIED)
      const placeholder = escaped(placeholders.of('FIELD', view.text.slice(start, until)))
      const replacement = string ? placeholder : `"${placeholder}"`
      edits.push({ start: at, end: place(until), name: 'field_name', replacement })
    }
    for (const { start, end, name, type } of findAll(view.text, detectors)) {
      const [from, to] = [place(start), place(end)]
      if (edits.some((edit) => from < edit.end && to > edit.start)) continue
      const value = placeholders.of(type, view.text.slice(start, end))
      edits.push({ start: from, end: to, name, replacement: view.within[start] ? escaped(value) : value })
    }
    return { edits: edits.sort((a, b) => a.start - b.start), open: place(open) }
  }

  #forget(before: number): void {
    const count = before - this.#from
    if (count <= CONTEXT) return
    if (!this.#view) {
      this.#text = this.#text.slice(count)
      this.#from = before
      return
    }
    let cut = 0
    while (cut < this.#view.places.length && this.#view.places[cut]! < before) cut += 1
    this.#view.cut(cut)
    this.#text = ''
    this.#from = before
  }

  /** What of the edits falls into a piece: the replacement where an edit begins, nothing where it goes on. */
  #partsOf({ start, end }: Piece, edits: readonly Edit[]): Edit[] {
    const parts: Edit[] = []
    for (const edit of edits) {
      // What was given out is given out.
      const from = Math.max(edit.start, start)
      const to = Math.min(edit.end, end)
      if (from >= to) continue
      const goesOn = edit.start === this.#given
      this.#given = edit.start
      const { name, replacement } = goesOn ? { name: '', replacement: '' } : edit
      parts.push({ start: from - start, end: to - start, name, replacement })
    }
    return parts
  }
}
