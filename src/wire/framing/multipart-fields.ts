/** Longest value of a field that is kept; also the longest block of part headers that is looked at. */
const MAX_VALUE_BYTES = 1024
const MAX_HEADER_BYTES = 4096
/** Values of one name that are kept. */
const MAX_VALUES = 16
const MAX_BOUNDARY_BYTES = 80

type State = 'boundary' | 'headers' | 'value' | 'skip' | 'done'

/**
 * Incrementally picks short text fields out of a multipart form, in constant memory: bytes in, cut anywhere. Files pass by
 * unread. The boundary is taken from the body's first line, which is where it must stand.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc7578
 */
export class MultipartFields {
  readonly #wanted: ReadonlySet<string>
  readonly #found = new Map<string, string[]>()
  /** Fields of which a value was too long, or too many. */
  readonly #leftOut = new Set<string>()
  #whole = false
  #state: State = 'boundary'
  #waiting: Buffer = Buffer.alloc(0)
  #delimiter = Buffer.alloc(0)
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
    this.#waiting =
      this.#waiting.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        : Buffer.concat([this.#waiting, chunk])
    while (this.#step());
    // Copied once, for the bytes may be another's.
    this.#waiting = Buffer.from(this.#waiting)
  }

  /** Moves on as far as the bytes at hand allow; false when more are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'boundary': {
        const end = this.#waiting.indexOf('\r\n')
        if (end < 0) return this.#waiting.length > MAX_BOUNDARY_BYTES && this.#end()
        if (!this.#waiting.subarray(0, 2).equals(DASHES)) return this.#end()
        this.#delimiter = Buffer.concat([CRLF, this.#waiting.subarray(0, end)])
        this.#take(end + 2)
        this.#state = 'headers'
        return true
      }
      case 'headers': {
        const end = this.#waiting.indexOf('\r\n\r\n')
        if (end < 0) return this.#waiting.length > MAX_HEADER_BYTES && this.#end()
        const headers = this.#waiting.subarray(0, end).toString('utf8')
        this.#take(end + 4)
        this.#name = /(?:^|[;\s])name="?([^";\r\n]+)/i.exec(headers)?.[1] ?? ''
        const file = /filename\*?=/i.test(headers)
        this.#state = !file && this.#wanted.has(this.#name) ? 'value' : 'skip'
        return true
      }
      case 'value':
      case 'skip': {
        const end = this.#waiting.indexOf(this.#delimiter)
        if (end >= 0) {
          if (this.#state === 'value') this.#keep(this.#waiting.subarray(0, end))
          this.#take(end + this.#delimiter.length)
          // After the delimiter: CRLF before the next part, or two dashes at the end.
          if (this.#waiting.length < 2) {
            this.#state = 'skip'
            this.#waiting = Buffer.concat([this.#delimiter, this.#waiting])
            return false
          }
          if (this.#waiting.subarray(0, 2).equals(DASHES)) {
            this.#whole = true
            return this.#end()
          }
          this.#take(2)
          this.#state = 'headers'
          return true
        }
        if (this.#state === 'value' && this.#waiting.length <= MAX_VALUE_BYTES + this.#delimiter.length)
          return false
        if (this.#state === 'value') this.#leftOut.add(this.#name)
        this.#state = 'skip'
        this.#take(Math.max(0, this.#waiting.length - this.#delimiter.length + 1))
        return false
      }
      case 'done':
        return false
      default:
        return this.#state satisfies never
    }
  }

  #keep(value: Uint8Array): void {
    const values = this.#found.get(this.#name) ?? []
    if (value.length > MAX_VALUE_BYTES || values.length >= MAX_VALUES) this.#leftOut.add(this.#name)
    else this.#found.set(this.#name, [...values, Buffer.from(value).toString('utf8')])
  }

  #take(bytes: number): void {
    this.#waiting = this.#waiting.subarray(bytes)
  }

  #end(): false {
    this.#state = 'done'
    this.#waiting = Buffer.alloc(0)
    return false
  }
}

const CRLF = Buffer.from('\r\n')
const DASHES = Buffer.from('--')
