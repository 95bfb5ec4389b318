const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const COLON = 58
const OPEN_BRACKET = 91

type State = 'start' | 'key' | 'in_key' | 'colon' | 'value' | 'in_value' | 'done' | 'broken'

/**
 * Incrementally picks members of a JSON object's top level out of a body of any size, in constant memory: bytes
 * in, cut anywhere; the wanted values out. Everything else is skipped without being built.
 *
 * It is lenient: it does not validate what it skips, and a body that is not an object simply yields nothing.
 */
export class JsonMembers {
  readonly #wanted: ReadonlySet<string>
  readonly #maxValueBytes: number
  readonly #counted: ReadonlySet<string>
  readonly #found = new Map<string, unknown>()
  #state: State = 'start'
  #depth = 0
  #inString = false
  #escaped = false
  #collect = false
  /** Elements of the array at hand so far, when it is one whose elements are only counted; else -1. */
  #elements = -1
  #name = ''
  #bytes: number[] = []
  /** The body was followed to the end of its object. */
  get complete(): boolean {
    return this.#state === 'done'
  }

  /**
   * @param maxValueBytes a wanted value longer than that is left out
   * @param counted arrays of which only the length matters: their elements come out as null
   */
  constructor(
    wanted: ReadonlySet<string>,
    maxValueBytes: number,
    counted: ReadonlySet<string> = new Set<string>(),
  ) {
    this.#wanted = wanted
    this.#maxValueBytes = maxValueBytes
    this.#counted = counted
  }

  /** Value of a member; the last one when the name is repeated; `undefined` when absent, too long or not whole. */
  get(name: string): unknown {
    return this.#found.get(name)
  }

  /** The members found so far as one object. */
  toObject(): Record<string, unknown> {
    return Object.fromEntries(this.#found)
  }

  write(chunk: Uint8Array): void {
    let i = 0
    while (i < chunk.length) {
      const byte = chunk[i]!
      switch (this.#state) {
        case 'start':
          if (byte === 123) this.#state = 'key'
          else if (!isSpace(byte) && byte !== 0xef && byte !== 0xbb && byte !== 0xbf) this.#state = 'broken'
          i += 1
          break
        case 'key':
          if (byte === QUOTE) {
            this.#state = 'in_key'
            this.#bytes = []
            this.#escaped = false
          } else if (byte === 125) this.#state = 'done'
          else if (!isSpace(byte) && byte !== COMMA) this.#state = 'broken'
          i += 1
          break
        case 'in_key':
          if (byte === QUOTE && !this.#escaped) {
            this.#name = parseString(this.#bytes)
            this.#state = 'colon'
          } else {
            this.#escaped = byte === BACKSLASH && !this.#escaped
            if (this.#bytes.length < 256) this.#bytes.push(byte)
          }
          i += 1
          break
        case 'colon':
          if (byte === COLON) this.#state = 'value'
          else if (!isSpace(byte)) this.#state = 'broken'
          i += 1
          break
        case 'value':
          if (isSpace(byte)) {
            i += 1
            break
          }
          this.#collect = this.#wanted.has(this.#name)
          this.#elements = byte === OPEN_BRACKET && this.#counted.has(this.#name) ? 0 : -1
          this.#bytes = []
          this.#depth = 0
          this.#inString = false
          this.#escaped = false
          this.#state = 'in_value'
          break
        case 'in_value':
          i = this.#value(chunk, i)
          break
        case 'done':
        case 'broken':
          return
        default:
          this.#state satisfies never
      }
    }
  }

  /** Follows a value from `i`; returns where the state machine goes on. */
  #value(chunk: Uint8Array, from: number): number {
    let i = from
    for (; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (byte === BACKSLASH) this.#escaped = true
        else if (byte === QUOTE) this.#inString = false
        else if (!this.#collect) {
          i = stringStop(chunk, i) - 1
          continue
        }
        this.#take(byte)
        continue
      }
      if (this.#elements >= 0 && this.#depth === 1) this.#countElement(byte)
      if (byte === QUOTE) this.#inString = true
      else if (byte === 123 || byte === 91) this.#depth += 1
      else if (byte === 125 || byte === 93) {
        if (this.#depth === 0) {
          this.#finish()
          this.#state = 'done'
          return chunk.length
        }
        this.#depth -= 1
      } else if (byte === COMMA && this.#depth === 0) {
        this.#finish()
        this.#state = 'key'
        return i + 1
      }
      this.#take(byte)
    }
    return i
  }

  #take(byte: number): void {
    if (!this.#collect) return
    if (this.#bytes.length < this.#maxValueBytes) this.#bytes.push(byte)
    else this.#collect = false
  }

  /** An array has one element more than commas, unless it has nothing at all. */
  #countElement(byte: number): void {
    if (byte === COMMA) this.#elements += 1
    else if (this.#elements === 0 && !isSpace(byte) && byte !== 93) this.#elements = 1
  }

  #finish(): void {
    if (this.#elements >= 0)
      this.#found.set(
        this.#name,
        Array.from({ length: this.#elements }, () => null),
      )
    if (!this.#collect) return
    try {
      this.#found.set(this.#name, JSON.parse(Buffer.from(this.#bytes).toString('utf8')))
    } catch {
      // Not JSON after all: the member is as good as absent.
    }
    this.#bytes = []
  }
}

/** How far one native search looks, so that a string full of escapes does not cost its length each time. */
const LOOK_AHEAD = 512

/** Index where following a string byte by byte must go on: a quote, a backslash, or how far was looked. */
function stringStop(chunk: Uint8Array, from: number): number {
  const window = chunk.subarray(from, from + LOOK_AHEAD)
  const quote = window.indexOf(QUOTE)
  const backslash = window.indexOf(BACKSLASH)
  const stop = quote < 0 ? backslash : backslash < 0 ? quote : Math.min(quote, backslash)
  return stop < 0 ? from + window.length : from + stop
}

function parseString(bytes: readonly number[]): string {
  const text = Buffer.from(bytes).toString('utf8')
  if (!text.includes('\\')) return text
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    return text
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}
