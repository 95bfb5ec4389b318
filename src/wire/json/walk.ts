import type { Span } from '../span.ts'
import { WalkedPlace, type JsonPlace } from './place.ts'
import { unescaped } from './strings.ts'
import { TextScanner } from './text-scanner.ts'

/** What a walk through a JSON text reports. Spans are of the text; a place holds only during the call. */
export interface JsonVisitor {
  /** A string as a value, without its quotes; a last one may be cut. */
  string(span: Span, place: JsonPlace): void
  /** A member's name, without its quotes. */
  name?(span: Span): void
  /** An object or array begins. @returns whether it is wanted whole; then nothing inside is reported */
  begins?(kind: 'object' | 'array', place: JsonPlace): boolean
  /** One that was wanted, whole. */
  whole?(span: Span): void
}

/**
 * Walks through a JSON text and reports its strings. It takes the text to be JSON and checks nothing that it does not need.
 * So it walks through a text that is cut off, or through several in a row, as far as they go.
 */
export function walkJson(text: string, visitor: JsonVisitor): void {
  const scanner = new TextScanner()
  const place = new WalkedPlace()
  for (let at = scanner.next(text, 0); at < text.length; at = scanner.next(text, at + 1)) {
    switch (text[at]) {
      case '"': {
        const span = { start: at + 1, end: scanner.next(text, at + 1) }
        at = span.end
        if (place.expectsName) {
          place.member(unescaped(text.slice(span.start, span.end)))
          visitor.name?.(span)
        } else visitor.string(span, place)
        break
      }
      case '{':
      case '[': {
        const kind = text[at] === '{' ? 'object' : 'array'
        if (visitor.begins?.(kind, place)) {
          const end = containerEnd(text, at, scanner)
          visitor.whole?.({ start: at, end })
          place.expectsName = false
          at = end - 1
        } else place.open(kind)
        break
      }
      case '}':
      case ']':
        place.close()
        break
      case ',':
        place.comma()
        break
      default:
    }
  }
}

/** Place behind the object or array that begins here; the text's length where it does not end. */
function containerEnd(text: string, from: number, scanner: TextScanner): number {
  let depth = 1
  let at = from
  while (depth > 0) {
    at = scanner.next(text, at + 1)
    if (at >= text.length) return text.length
    const token = text[at]
    if (token === '{' || token === '[') depth += 1
    else if (token === '}' || token === ']') depth -= 1
  }
  return at + 1
}
