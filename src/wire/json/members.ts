import { isBlank } from './blank.ts'
import { ByteScanner } from './byte-scanner.ts'
import { textOfString } from './strings.ts'

const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_BRACKET = 91
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const BOM = [0xef, 0xbb, 0xbf]

/** Longest member name that is told from another. */
const MAX_NAME_BYTES = 256

type State = 'start' | 'name' | 'in_name' | 'colon' | 'value' | 'done' | 'broken'

/**
 * Incrementally picks members of a JSON object's top level out of a body of any size, in constant memory: bytes
 * in, cut anywhere; the wanted values out. Everything else is skipped without being built.
 *
 * It is lenient: it does not validate what it skips, and a body that is not an object yields nothing.
 */
export class JsonMembers {
  readonly #wanted: ReadonlySet<string>
  readonly #maxValueBytes: number
  readonly #counted: ReadonlySet<string>
  readonly #found = new Map<string, unknown>()
  readonly #scanner = new ByteScanner(1)
  #state: State = 'start'
  #name = ''
  /** Bytes of the name or wanted value that is read; `undefined` for one that is not kept. */
  #kept: Kept | undefined
  /** Elements so far of an array that is only counted; -1 for every other value. */
  #elements = -1

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
    let at = 0
    while (at < chunk.length && this.#state !== 'done' && this.#state !== 'broken') at = this.#step(chunk, at)
  }

  /** Moves on by a token or to the chunk's end. @returns where to go on */
  #step(chunk: Uint8Array, at: number): number {
    if (this.#state === 'in_name') return this.#readName(chunk, at)
    if (this.#state === 'value') return this.#readValue(chunk, at)
    const byte = chunk[at]!
    if (isBlank(byte) || (this.#state === 'start' && BOM.includes(byte))) return at + 1
    if (this.#state === 'start') this.#state = byte === OPEN_BRACE ? 'name' : 'broken'
    else if (this.#state === 'colon') {
      this.#state = byte === COLON ? 'value' : 'broken'
      this.#kept = this.#wanted.has(this.#name) ? new Kept(this.#maxValueBytes) : undefined
      this.#elements = -1
    } else if (byte === QUOTE) {
      this.#state = 'in_name'
      this.#kept = new Kept(MAX_NAME_BYTES)
    } else if (byte === CLOSE_BRACE) this.#state = 'done'
    else if (byte !== COMMA) this.#state = 'broken'
    return this.#scanner.next(chunk, at) + 1
  }

  #readName(chunk: Uint8Array, from: number): number {
    const end = this.#scanner.next(chunk, from)
    this.#kept!.write(chunk.subarray(from, end))
    if (end < chunk.length) {
      this.#name = textOfString(this.#kept!.text() ?? '') ?? ''
      this.#state = 'colon'
    }
    return end + 1
  }

  #readValue(chunk: Uint8Array, from: number): number {
    for (let at = from; ;) {
      const token = this.#scanner.next(chunk, at)
      const { depth } = this.#scanner
      this.#count(chunk, at, token)
      if (token >= chunk.length) {
        this.#kept?.write(chunk.subarray(from))
        return token
      }
      if (depth === 0 || (depth === 1 && chunk[token] === COMMA)) {
        this.#kept?.write(chunk.subarray(from, token))
        this.#finishValue()
        this.#state = depth === 0 ? 'done' : 'name'
        return token + 1
      }
      at = token + 1
    }
  }

  /** Counts the elements of an array whose length alone matters. @param token the next one; what stands before it is none */
  #count(chunk: Uint8Array, from: number, token: number): void {
    const { depth } = this.#scanner
    if (this.#elements < 0) {
      if (depth !== 2 || chunk[token] !== OPEN_BRACKET || !this.#counted.has(this.#name)) return
      this.#elements = 0
      this.#scanner.level = 2
    } else if (this.#scanner.level === 2) {
      const inArray = depth > 1
      // One more than commas, unless there is nothing at all.
      if (this.#elements === 0 && ((inArray && token < chunk.length) || !isBlankUpTo(chunk, from, token)))
        this.#elements = 1
      if (inArray && depth === 2 && chunk[token] === COMMA) this.#elements += 1
      if (!inArray) this.#scanner.level = 1
    }
  }

  #finishValue(): void {
    if (this.#elements >= 0)
      this.#found.set(
        this.#name,
        Array.from({ length: this.#elements }, () => null),
      )
    const text = this.#kept?.text()
    if (text === undefined) return
    try {
      this.#found.set(this.#name, JSON.parse(text))
    } catch {
      // Not JSON after all: the member is as good as absent.
    }
  }
}

/** Bytes that are kept up to a limit; beyond it, none. */
class Kept {
  readonly #limit: number
  #pieces: Uint8Array[] = []
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The bytes may be another's, so they are copied. */
  write(bytes: Uint8Array): void {
    this.#size += bytes.length
    if (this.#size > this.#limit) this.#pieces = []
    else this.#pieces.push(bytes.slice())
  }

  /** All of it; `undefined` for more than the limit. */
  text(): string | undefined {
    return this.#size > this.#limit ? undefined : Buffer.concat(this.#pieces).toString('utf8')
  }
}

function isBlankUpTo(chunk: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end && at < chunk.length; at++) if (!isBlank(chunk[at])) return false
  return true
}
