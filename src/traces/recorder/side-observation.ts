import type { WireApi, Reading } from '../../providers/apis/wire-api.ts'
import { objectOf, textOf, type JsonObject } from '../../providers/json.ts'
import { SseDecoder, type SseEvent } from '../../http/sse-decoder.ts'
import type { ContentFacts } from '../exchange.ts'
import { codingOf, ContentDecoder, decodeWhole } from './content-decoder.ts'
import { JsonMembers } from './json-members.ts'

/** A JSON body up to this size is parsed whole; above it only its wanted members are picked out. */
const WHOLE_JSON_BYTES = 1024 * 1024

/** An SSE event up to this size is read; a larger one is left out and noted. */
const MAX_EVENT_BYTES = 32 * 1024 * 1024

/** A picked member up to this size is read. */
const MAX_MEMBER_BYTES = 256 * 1024

const ANSWER_MEMBERS = new Set([
  'id',
  'model',
  'usage',
  'service_tier',
  'error',
  'type',
  'stop_reason',
  'status',
])
const REQUEST_MEMBERS = new Set(['model', 'stream', 'service_tier', 'metadata', 'user', 'message'])

/** Reads a JSON body as it passes: whole while it is small, by members once it is not. */
class JsonBody {
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

  /** The object, or those of its members that were found; `whole` tells which. */
  read(): { object: JsonObject; whole: boolean } {
    if (this.#pieces) {
      const text = Buffer.concat(this.#pieces).toString('utf8')
      try {
        const object = objectOf(JSON.parse(text))
        return { object: object ?? {}, whole: object !== undefined }
      } catch {
        this.#spill()
      }
    }
    return { object: this.#members?.toObject() ?? {}, whole: false }
  }

  #spill(): void {
    if (!this.#pieces) return
    this.#members = new JsonMembers(this.#wanted, MAX_MEMBER_BYTES)
    for (const piece of this.#pieces) this.#members.write(piece)
    this.#pieces = undefined
  }
}

/** Keeps the first bytes of a body, as they were on the wire after decoding. */
export class BodyCopy {
  readonly #limit: number
  #pieces: Uint8Array[] = []
  #size = 0
  /** More came than was kept. */
  truncated = false

  constructor(limit: number) {
    this.#limit = limit
  }

  write(bytes: Uint8Array): void {
    const room = this.#limit - this.#size
    if (bytes.length > room) this.truncated = true
    if (room <= 0) return
    const piece = bytes.length > room ? bytes.slice(0, room) : bytes
    this.#pieces.push(piece)
    this.#size += piece.length
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#pieces)
  }
}

/** What was seen of the request's content. */
export interface RequestReading {
  model?: string | undefined
  stream: boolean
  /** The whole request, when it was small enough to be parsed: estimates read its text. */
  whole?: JsonObject
}

/**
 * One side of an exchange, read while it passes: decodes the copy, finds usage, keeps the body if asked.
 * Nothing here can reach the client: whatever fails ends the reading, never the exchange.
 */
export class SideObservation {
  readonly reading: Reading = { outputCharacters: 0 }
  readonly request: RequestReading = { stream: false }
  readonly body: BodyCopy | undefined
  /** Why the content was not, or not wholly, understood. */
  readonly notes: string[] = []
  /** Offset of the first generated content; -1 until it comes. */
  firstTokenUs = -1
  /** Content bytes seen, as they were on the wire. */
  seenBytes = 0
  readonly #side: 'request' | 'response'
  readonly #api: WireApi | undefined
  readonly #coding: ReturnType<typeof codingOf>
  readonly #sse: SseDecoder | undefined
  readonly #json: JsonBody | undefined
  #decoder: ContentDecoder | undefined
  #work: Promise<void> | undefined
  /** Content came as messages, each of which has been read. */
  #messages = false
  #atUs = 0

  constructor(
    side: 'request' | 'response',
    api: WireApi | undefined,
    facts: ContentFacts,
    captureBytes: number,
  ) {
    this.#side = side
    this.#api = api
    this.#coding = codingOf(facts.codings)
    if (captureBytes > 0) this.body = new BodyCopy(captureBytes)
    if (api && side === 'response' && facts.mediaType === 'text/event-stream')
      this.#sse = new SseDecoder(MAX_EVENT_BYTES)
    else if (api && isJson(facts.mediaType))
      this.#json = new JsonBody(side === 'request' ? REQUEST_MEMBERS : ANSWER_MEMBERS)
  }

  /** Takes a whole body. */
  whole(bytes: Uint8Array, atUs: number): void {
    this.seenBytes += bytes.length
    this.#atUs = atUs
    if (this.#coding === 'identity') return this.#decoded(bytes)
    if (this.#coding === 'unknown') return void this.notes.push('the content coding is not understood')
    const decoded = decodeWhole(bytes, this.#coding)
    if (decoded) return this.#decoded(decoded)
    this.notes.push(`the body is not valid ${this.#coding}, or too large to be read`)
    return undefined
  }

  /**
   * Takes a streamed piece.
   *
   * @param marks pairs of byte offset and time of the chunks in it
   * @returns a promise when the piece is decoded elsewhere and the next must wait, else `undefined`
   */
  piece(bytes: Uint8Array, marks: readonly number[]): Promise<void> | undefined {
    this.seenBytes += bytes.length
    if (this.#coding === 'unknown') {
      if (this.notes.length === 0) this.notes.push('the content coding is not understood')
      return undefined
    }
    if (this.#coding === 'identity') {
      if (!this.#sse || this.firstTokenUs >= 0 || marks.length <= 2) {
        this.#atUs = marks[marks.length - 1] ?? this.#atUs
        this.#decoded(bytes)
        return undefined
      }
      for (let i = 0; i < marks.length; i += 2) {
        this.#atUs = marks[i + 1]!
        this.#decoded(bytes.subarray(marks[i], marks[i + 2] ?? bytes.length))
      }
      return undefined
    }
    this.#atUs = marks[marks.length - 1] ?? this.#atUs
    this.#decoder ??= new ContentDecoder(this.#coding, (decoded) => this.#decoded(decoded))
    const decoder = this.#decoder
    this.#work = (this.#work ?? Promise.resolve()).then(() => decoder.write(bytes))
    return this.#work
  }

  /** Takes a WebSocket message. */
  message(text: string, atUs: number): void {
    this.#atUs = atUs
    this.#messages = true
    this.seenBytes += Buffer.byteLength(text)
    this.body?.write(Buffer.from(`${text}\n`))
    if (this.#side === 'request') {
      const object = parseObject(text)
      this.request.model ??= textOf(object?.['model'])
      return
    }
    this.#event({ name: '', data: text })
  }

  /** The content has ended: reads what is left. Waits for decoding elsewhere if there is any. */
  async end(): Promise<void> {
    if (this.#decoder) {
      await this.#work
      await this.#decoder.end()
      if (this.#decoder.failed)
        this.notes.push('the body could not be decoded to its end, or was too large to be read')
    }
    this.finish()
  }

  /** Whether `end` must be awaited; otherwise `finish` does all there is to do. */
  get decoding(): boolean {
    return this.#decoder !== undefined
  }

  /** Reads what is left of a body that needs no decoding elsewhere. */
  finish(): void {
    if (this.#sse) {
      for (const event of this.#sse.end()) this.#event(event)
      if (this.#sse.skipped > 0) this.notes.push(`${this.#sse.skipped} events were too large to be read`)
    }
    if (!this.#json || this.#messages || this.seenBytes === 0) return
    const { object, whole } = this.#json.read()
    if (this.#side === 'response') {
      this.#api!.readAnswer(this.reading, object)
      if (!whole && !this.reading.usage) this.reading.complete = false
      return
    }
    this.request.model = textOf(object['model']) ?? textOf(objectOf(object['message'])?.['model'])
    this.request.stream = object['stream'] === true
    if (whole) this.request.whole = object
  }

  #decoded(bytes: Uint8Array): void {
    this.body?.write(bytes)
    if (this.#sse) for (const event of this.#sse.write(bytes)) this.#event(event)
    else this.#json?.write(bytes)
  }

  #event(event: SseEvent): void {
    if (event.data === '[DONE]') {
      this.reading.complete = true
      return
    }
    const object = parseObject(event.data)
    if (!object || !this.#api) return
    if (this.#api.foldEvent(this.reading, object) && this.firstTokenUs < 0) this.firstTokenUs = this.#atUs
  }
}

function isJson(mediaType: string): boolean {
  return mediaType === 'application/json' || mediaType.endsWith('+json') || mediaType === ''
}

function parseObject(text: string): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return undefined
  }
}
