import { parseObject, type JsonObject } from './values.ts'
import { JsonMembers } from './members.ts'

/** A JSON body up to this size is parsed whole; above it only its wanted members are picked out. */
export const WHOLE_JSON_BYTES = 1024 * 1024

/** A picked member up to this size is read. */
const MAX_MEMBER_BYTES = 256 * 1024

const COUNTED_MEMBERS = new Set(['data'])

/** Reads a JSON body as it passes: whole while it is small, by members once it is not. */
export class JsonBody {
  readonly #wanted: ReadonlySet<string>
  #pieces: Uint8Array[] | undefined = []
  #size = 0
  #members: JsonMembers | undefined

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted
  }

  write(bytes: Uint8Array): void {
    this.#size += bytes.length
    if (this.#pieces && this.#size <= WHOLE_JSON_BYTES) {
      this.#pieces.push(bytes)
      return
    }
    this.#spill()
    this.#members?.write(bytes)
  }

  /** Whether it can no longer be held when these come too. */
  outgrownBy(bytes: Uint8Array): boolean {
    return this.#pieces !== undefined && this.#size + bytes.length > WHOLE_JSON_BYTES
  }

  /** All that came, while it can be held. */
  held(): Uint8Array | undefined {
    return this.#pieces && Buffer.concat(this.#pieces)
  }

  /** The object, or those of its members that were found; `whole` tells which. */
  read(): { object: JsonObject; whole: boolean } {
    if (this.#pieces) {
      const text = Buffer.concat(this.#pieces).toString('utf8')
      const object = parseObject(text.startsWith('\uFEFF') ? text.slice(1) : text)
      if (object) return { object, whole: true }
    }
    return { object: (this.#members ?? this.#pick()).toObject(), whole: false }
  }

  #spill(): void {
    if (!this.#pieces) return
    this.#members = this.#pick()
    this.#pieces = undefined
  }

  #pick(): JsonMembers {
    const members = new JsonMembers(this.#wanted, MAX_MEMBER_BYTES, COUNTED_MEMBERS)
    for (const piece of this.#pieces ?? []) members.write(piece)
    return members
  }
}
