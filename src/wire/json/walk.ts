import type { Span } from '../../redaction/detectors/detector.ts'

/** Where the walker is: the members and elements that lead there. */
export interface JsonPlace {
  /** Name of the member whose value this is; empty in arrays and at the top. */
  readonly name: string
  /** Names of the members on the way, outermost first, and `[]` for elements of arrays. */
  readonly path: readonly string[]
  /** For each step of the path, which element of an array it is; 0 for members. */
  readonly elements: readonly number[]
}

/** What a walk through a JSON text tells. Spans are of the text. */
export interface JsonVisitor {
  /** A string as a value, without its quotes; a last one may be cut. */
  string(span: Span, place: JsonPlace): void
  /** A member's name, without its quotes. */
  name?(span: Span): void
  /** An object or array begins. @returns whether it is wanted whole; then nothing inside is told */
  begins?(kind: 'object' | 'array', place: JsonPlace): boolean
  /** One that was wanted, whole. */
  whole?(span: Span): void
}

interface Frame {
  readonly kind: 'object' | 'array'
  /** The member whose value is being read. */
  name: string
}

const QUOTE = 34
const BACKSLASH = 92

/**
 * Walks through a JSON text and tells of its values where they stand. It takes the text to be JSON and asks for nothing that it does not
 * need, so that a text that is cut off, or several in a row, are walked through as far as they go. Depth costs memory, not stack.
 */
export function walkJson(text: string, visitor: JsonVisitor): void {
  const frames: Frame[] = []
  const path: string[] = []
  const elements: number[] = []
  let expectsName = false
  /** Depth of the container that is wanted whole, and where it began. */
  let wanted = 0
  let wantedAt = 0
  const place = (): JsonPlace => ({ name: frames.at(-1)?.name ?? '', path, elements })
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = stringEnd(text, at + 1)
        const span = { start: at + 1, end }
        at = end
        const frame = frames.at(-1)
        if (expectsName && frame?.kind === 'object') {
          frame.name = unescaped(text.slice(span.start, end))
          path[path.length - 1] = frame.name
          expectsName = false
          if (wanted === 0) visitor.name?.(span)
        } else if (wanted === 0) visitor.string(span, place())
        break
      }
      case 123:
      case 91: {
        const kind = text.charCodeAt(at) === 123 ? 'object' : 'array'
        if (wanted === 0 && visitor.begins?.(kind, place())) {
          wanted = frames.length + 1
          wantedAt = at
        }
        frames.push({ kind, name: '' })
        path.push(kind === 'array' ? '[]' : '')
        elements.push(0)
        expectsName = kind === 'object'
        break
      }
      case 125:
      case 93:
        if (frames.length === 0) break
        if (wanted === frames.length) {
          visitor.whole?.({ start: wantedAt, end: at + 1 })
          wanted = 0
        }
        frames.pop()
        path.pop()
        elements.pop()
        expectsName = false
        break
      case 44:
        if (frames.length === 0) break
        expectsName = frames.at(-1)!.kind === 'object'
        if (!expectsName) elements[elements.length - 1]! += 1
        break
      default:
    }
  }
  if (wanted > 0) visitor.whole?.({ start: wantedAt, end: text.length })
}

/** Where the string ends that begins here: at its quote, or with the text. */
function stringEnd(text: string, start: number): number {
  let at = text.indexOf('"', start)
  while (at >= 0) {
    let backslashes = at
    while (backslashes > start && text.charCodeAt(backslashes - 1) === BACKSLASH) backslashes -= 1
    if ((at - backslashes) % 2 === 0) return at
    at = text.indexOf('"', at + 1)
  }
  return text.length
}

/** What a JSON string without its quotes says. Wrong escapes stand for a space, so that they keep none from being read. */
export function unescaped(raw: string): string {
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return raw.replaceAll(/\\(?:u[\s\S]{0,4}|[\s\S]?)/g, escapeMeaning)
  }
}

/** What an escape stands for; one that stands for nothing, a space. */
export function escapeMeaning(escape: string): string {
  try {
    return JSON.parse(`"${escape}"`) as string
  } catch {
    return ' '
  }
}

/** A text as it stands in a JSON string, without quotes. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/**
 * Where places of what a JSON string says stand in the string.
 *
 * @param raw without its quotes,
 * @param places in order
 */
export function rawPlaces(raw: string, places: readonly number[]): number[] {
  const found: number[] = []
  let at = 0
  let said = 0
  for (const place of places) {
    while (said < place && at < raw.length) {
      at += raw.charCodeAt(at) !== BACKSLASH ? 1 : raw.charCodeAt(at + 1) === 117 ? 6 : 2
      said += 1
    }
    found.push(at)
  }
  return found
}
