import { nextDelimiter, type Delimiter } from './multipart.ts'
import { readHeader } from './part-header.ts'
import { PendingBytes } from './pending-bytes.ts'

/** Longest value of a field that is kept; also the longest block of part headers that is looked at. */
const MAX_VALUE_BYTES = 1024
const MAX_HEADER_BYTES = 4096
/** Values of one name that are kept. */
const MAX_VALUES = 16
const MAX_BOUNDARY_BYTES = 80

/** What a line of the boundary may have beside the boundary: line breaks, dashes, some white space. */
const AROUND_BOUNDARY_BYTES = 64

const LF = 10
const CR = 13

type State = 'boundary' | 'headers' | 'value' | 'skip' | 'done'

/**
 * Incrementally picks short text fields out of a multipart form, in constant memory: bytes in, cut anywhere. Files pass by
 * unread. The boundary is taken from the body's first line, which is where it must stand. Lines end in CRLF, as they must: what
 * only lenient readers take for a part is content.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc7578
 */
export class MultipartFields {
  readonly #wanted: ReadonlySet<string>
  readonly #found = new Map<string, string[]>()
  /** Fields of which a value was too long, or too many. */
  readonly #leftOut = new Set<string>()
  readonly #pending = new PendingBytes()
  #whole = false
  #state: State = 'boundary'
  /** Where reading goes on in what is pending. */
  #at = 0
  #boundary = ''
  #name = ''

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted
  }

  /** The fields found so far; the first of a repeated name counts. */
  toObject(): Record<string, string> {
    return Object.fromEntries([...this.#found].map(([name, [first = '']]) => [name, first]))
  }

  /** Every value of a field, in order; `undefined` unless the form was followed to its end and all of them were kept. */
  all(name: string): readonly string[] | undefined {
    return this.#whole && !this.#leftOut.has(name) ? (this.#found.get(name) ?? []) : undefined
  }

  write(chunk: Uint8Array): void {
    if (this.#state === 'done') return
    const all = this.#pending.with(chunk)
    const body = Buffer.from(all.buffer, all.byteOffset, all.length)
    this.#at = 0
    while (this.#step(body));
    this.#pending.keep(all, this.#at)
  }

  /** Moves on as far as the bytes at hand allow; false when more are needed. */
  #step(body: Buffer): boolean {
    switch (this.#state) {
      case 'boundary':
        return this.#readBoundary(body)
      case 'headers':
        return this.#readHeaders(body)
      case 'value':
      case 'skip':
        return this.#readContent(body)
      case 'done':
        this.#at = body.length
        return false
      default:
        return this.#state satisfies never
    }
  }

  #readBoundary(body: Buffer): boolean {
    const end = body.indexOf('\r\n')
    if (end < 0 && body.length <= MAX_BOUNDARY_BYTES) return false
    const line = body.subarray(0, Math.max(end, 0)).toString('utf8')
    this.#state = line.startsWith('--') ? 'headers' : 'done'
    this.#boundary = line.slice(2)
    this.#at = end + 2
    return true
  }

  #readHeaders(body: Buffer): boolean {
    const end = body.indexOf('\r\n\r\n', this.#at)
    if (end < 0) {
      if (body.length - this.#at <= MAX_HEADER_BYTES) return false
      this.#state = 'done'
      return true
    }
    const { plainName, fileName } = readHeader(body.subarray(this.#at, end).toString('utf8'))
    this.#name = plainName
    this.#state = fileName === undefined && this.#wanted.has(plainName) ? 'value' : 'skip'
    this.#at = end + 4
    return true
  }

  #readContent(body: Buffer): boolean {
    const delimiter = this.#nextDelimiter(body)
    if (delimiter === undefined) {
      const open = body.length - this.#at - this.#boundary.length - AROUND_BOUNDARY_BYTES
      if (this.#state === 'value') {
        if (open <= MAX_VALUE_BYTES) return false
        this.#leftOut.add(this.#name)
        this.#state = 'skip'
      }
      this.#at += Math.max(0, open)
      return false
    }
    if (this.#state === 'value') this.#keep(body.subarray(this.#at, delimiter.start))
    this.#whole = delimiter.closes
    this.#state = delimiter.closes ? 'done' : 'headers'
    this.#at = delimiter.end
    return true
  }

  /** The line that ends the part; `undefined` where it has not wholly come. */
  #nextDelimiter(body: Buffer): Delimiter | undefined {
    let from = this.#at
    for (;;) {
      const delimiter = nextDelimiter(body, this.#boundary, from)
      const { start, end, closes } = delimiter
      if (start === body.length) return undefined
      const ended = body[end - 2] === CR && body[end - 1] === LF
      if (body[start] === CR && (closes || ended)) return delimiter
      // It may yet close, or go on.
      if (end === body.length && !ended) return undefined
      from = end
    }
  }

  #keep(value: Uint8Array): void {
    const values = this.#found.get(this.#name) ?? []
    if (value.length > MAX_VALUE_BYTES || values.length >= MAX_VALUES) this.#leftOut.add(this.#name)
    else this.#found.set(this.#name, [...values, Buffer.from(value).toString('utf8')])
  }
}
