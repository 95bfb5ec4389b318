import { declaredFraming } from '../redaction/body-kind.ts'
import { FramingSniffer } from '../wire/framing/framing-sniffer.ts'
import { hasControls } from '../wire/text-bytes.ts'
import { beginsAwsEvents } from '../wire/framing/aws-event-stream.ts'

/** Most bytes that are held until the framing is clear, such as comments before the first event. */
const MAX_HELD_BYTES = 64 * 1024

/** Data that is no text shows it within these bytes. */
const BINARY_BYTES = 512

const BOM = [0xef, 0xbb, 0xbf]
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const DASH = 0x2d

/** The framing of content; `json` may still turn out to be many texts. */
export type ContentShape = 'sse' | 'objects' | 'aws' | 'json' | 'form' | 'none'

/**
 * Recognises by its first bytes how content must be read. The declared media type only chooses between readings that the bytes
 * allow: clients and servers send JSON as a form, and events as plain text.
 */
export class ContentStart {
  /** What was taken, in order. */
  readonly pieces: Uint8Array[] = []
  readonly #side: 'request' | 'response'
  readonly #mediaType: string
  #held = 0
  #finder: FramingSniffer | undefined

  constructor(side: 'request' | 'response', mediaType: string) {
    this.#side = side
    this.#mediaType = mediaType
  }

  /** Takes the next bytes. @returns `undefined` while more is needed */
  write(bytes: Uint8Array): ContentShape | undefined {
    this.pieces.push(bytes)
    this.#held += bytes.length
    const shape = this.#finder ? this.#find(bytes) : this.#begin('under way')
    return shape ?? (this.#held < MAX_HELD_BYTES ? undefined : 'none')
  }

  /** The content has ended. */
  end(): ContentShape {
    return (this.#finder ? undefined : this.#begin('ended')) ?? 'none'
  }

  #begin(state: 'under way' | 'ended'): ContentShape | undefined {
    const start = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
    const at = firstOf(start)
    if (at === undefined) {
      // White space that keeps a connection alive shows nothing, however much comes.
      if (!start.includes(BOM[0]!)) this.#forget()
      return undefined
    }
    const first = start[at]!
    if (this.#side === 'request') {
      if (first === OPEN_BRACE) return 'json'
      return first === DASH ? 'form' : 'none'
    }
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      if (!this.#declaresText) {
        // Sound may begin like that too.
        if (start.length - at < BINARY_BYTES && state === 'under way') return undefined
        if (hasControls(latin1(start.subarray(at, at + BINARY_BYTES)))) return 'none'
      }
      return first === OPEN_BRACKET || declaredFraming(this.#mediaType) === 'lines' ? 'objects' : 'json'
    }
    if (first === 0) return beginsAwsEvents(start)
    if (this.#mediaType === 'text/event-stream') return 'sse'
    this.#finder = new FramingSniffer(declaredFraming(this.#mediaType))
    return this.#find(start)
  }

  #forget(): void {
    this.pieces.length = 0
    this.#held = 0
  }

  get #declaresText(): boolean {
    return (
      this.#mediaType.endsWith('json') ||
      this.#mediaType === 'text/event-stream' ||
      declaredFraming(this.#mediaType) !== undefined
    )
  }

  #find(bytes: Uint8Array): ContentShape | undefined {
    const found = this.#finder!.write(bytes)
    if (found === undefined || found === 'sse') return found
    return found === 'lines' ? 'objects' : 'none'
  }
}

/** Place of the first byte that is no white space and no byte order mark; `undefined` for none yet. */
function firstOf(bytes: Uint8Array): number | undefined {
  let at = 0
  while (at < BOM.length && bytes[at] === BOM[at]) at += 1
  for (; at < bytes.length; at++) if (bytes[at]! > 0x20 || bytes[at] === 0) return at
  return undefined
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
