import { emptyReading, type WireApi, type Reading } from '../../providers/apis/wire-api.ts'
import { objectOf, parseObject, textOf, type JsonObject } from '../../providers/json.ts'
import { SseDecoder } from '../../http/sse-decoder.ts'
import type { ContentFacts } from '../exchange.ts'
import { AwsEventStreamDecoder } from './aws-event-stream.ts'
import { codingOf, ContentDecoder, decodeUpTo, type Coding } from './content-decoder.ts'
import { JsonMembers } from './json-members.ts'
import { JsonObjects } from './json-objects.ts'
import { MultipartFields } from './multipart-fields.ts'

/** A JSON body up to this size is parsed whole; above it only its wanted members are picked out. */
const WHOLE_JSON_BYTES = 1024 * 1024

/** A whole body that decodes to this size at most is decoded at once; a larger one piece by piece, elsewhere. */
const AT_ONCE_DECODED_BYTES = 1024 * 1024

/** An event, line or element up to this size is read; a larger one is left out and noted. */
const MAX_EVENT_BYTES = 32 * 1024 * 1024

/** A picked member up to this size is read. */
const MAX_MEMBER_BYTES = 256 * 1024

const ANSWER_MEMBERS = new Set([
  'id',
  'model',
  'usage',
  'usageMetadata',
  'usage_info',
  'x_groq',
  'meta',
  'metadata',
  'modelVersion',
  'responseId',
  'service_tier',
  'duration',
  'error',
  'type',
  'stop_reason',
  'stopReason',
  'status',
  'done',
  'prompt_eval_count',
  'eval_count',
])
const COUNTED_MEMBERS = new Set(['data'])
const REQUEST_MEMBERS = new Set([
  'model',
  'stream',
  'service_tier',
  'metadata',
  'user',
  'safety_identifier',
  'message',
  'n',
])

const LINES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonl']

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
      const object = parseObject(Buffer.concat(this.#pieces).toString('utf8'))
      if (object) return { object, whole: true }
      this.#spill()
    }
    return { object: this.#members?.toObject() ?? {}, whole: false }
  }

  #spill(): void {
    if (!this.#pieces) return
    this.#members = new JsonMembers(this.#wanted, MAX_MEMBER_BYTES, COUNTED_MEMBERS)
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
  /** Those of its members that are looked at however large it is; a form's fields are texts. */
  members?: JsonObject
}

/** How the content of one side is taken apart. `json` becomes `body` or `objects` once its first byte is seen. */
type Framing =
  | { readonly kind: 'none' }
  /** What came of it before stands. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'json' }
  | { readonly kind: 'body'; readonly body: JsonBody }
  | { readonly kind: 'objects'; readonly objects: JsonObjects }
  | { readonly kind: 'sse'; readonly decoder: SseDecoder }
  | { readonly kind: 'aws'; readonly decoder: AwsEventStreamDecoder }
  | { readonly kind: 'form'; readonly fields: MultipartFields }

/**
 * One side of an exchange, read while it passes: decodes the copy, finds usage, keeps the body if asked.
 * Nothing here can reach the client: whatever fails ends the reading, never the exchange.
 */
export class SideObservation {
  readonly request: RequestReading = { stream: false }
  readonly body: BodyCopy | undefined
  /** Why the content was not, or not wholly, understood. */
  readonly notes: string[] = []
  /** Offset of the first generated content; -1 until it comes. */
  firstTokenUs = -1
  /** Content bytes seen, as they were on the wire. */
  seenBytes = 0
  readonly #side: 'request' | 'response'
  #api: WireApi | undefined
  readonly #coding: ReturnType<typeof codingOf>
  #framing: Framing
  #decoder: ContentDecoder | undefined
  #work: Promise<void> | undefined
  /** Content came as messages, each of which has been read. */
  #messages = false
  #atUs = 0
  #reading: Reading | undefined

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
    this.#framing = api ? framingOf(side, api, facts.mediaType) : { kind: 'none' }
  }

  /** What the answer says of itself; empty for a request. */
  get reading(): Reading {
    return (this.#reading ??= emptyReading())
  }

  /** The content is of a kind that says nothing of usage: audio, text, an image. */
  get opaque(): boolean {
    return this.#framing.kind === 'none' && !this.#messages
  }

  /** Takes a whole body. */
  whole(bytes: Uint8Array, atUs: number): void {
    this.seenBytes += bytes.length
    this.#atUs = atUs
    if (this.#coding === 'identity') return this.#decoded(bytes)
    if (this.#coding === 'unknown') return void this.notes.push('the content coding is not understood')
    const decoded = decodeUpTo(bytes, this.#coding, AT_ONCE_DECODED_BYTES)
    if (decoded === 'too_large') void this.#decode(this.#coding, bytes)
    else if (decoded === 'invalid') this.notes.push(`the body is not valid ${this.#coding}`)
    else this.#decoded(decoded)
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
      if (this.#framing.kind !== 'sse' || this.firstTokenUs >= 0 || marks.length <= 2) {
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
    return this.#decode(this.#coding, bytes)
  }

  #decode(coding: Coding, bytes: Uint8Array): Promise<void> {
    const decoder = (this.#decoder ??= new ContentDecoder(coding, (decoded) => this.#decoded(decoded)))
    this.#work = (this.#work ?? Promise.resolve()).then(() => decoder.write(bytes))
    return this.#work
  }

  /** Takes a WebSocket message. */
  message(text: string, atUs: number): void {
    this.#atUs = atUs
    this.#messages = true
    this.seenBytes += Buffer.byteLength(text)
    this.body?.write(Buffer.from(`${text}\n`))
    const object = parseObject(text)
    if (!object) return
    try {
      this.#takeMessage(object)
    } catch (error) {
      this.#stopReading(error)
    }
  }

  #takeMessage(object: JsonObject): void {
    if (this.#side === 'response') return this.#fold(object, '')
    this.request.model ??= this.#api?.readMessage?.(object)
    this.request.members ??= object
    return undefined
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
    try {
      this.#finishReading()
    } catch (error) {
      this.#stopReading(error)
    }
  }

  #finishReading(): void {
    const framing = this.#framing
    switch (framing.kind) {
      case 'sse':
        for (const event of framing.decoder.end()) this.#event(event.data, event.name)
        this.#noteSkipped(framing.decoder.skipped)
        return
      case 'objects':
        this.#noteSkipped(framing.objects.skipped)
        return
      case 'aws':
        if (framing.decoder.failed) this.notes.push('the event stream is damaged')
        return
      case 'form':
        this.request.members = framing.fields.toObject()
        this.request.model = textOf(this.request.members['model'])
        return
      case 'body': {
        const { object, whole } = framing.body.read()
        if (this.#side === 'response') this.#finishAnswer(object, whole)
        else this.#finishRequest(object, whole)
        return
      }
      case 'json':
      case 'none':
      case 'unreadable':
        return
      default:
        framing satisfies never
    }
  }

  #finishAnswer(object: JsonObject, whole: boolean): void {
    this.#api!.readAnswer(this.reading, object)
    if (!whole && !this.reading.usage) this.reading.complete = false
  }

  #finishRequest(object: JsonObject, whole: boolean): void {
    this.request.model = textOf(object['model']) ?? textOf(objectOf(object['message'])?.['model'])
    this.request.stream = object['stream'] === true
    this.request.members = object
    if (whole) this.request.whole = object
  }

  #noteSkipped(skipped: number): void {
    if (skipped > 0) this.notes.push(`${skipped} events were too large to be read`)
  }

  #decoded(bytes: Uint8Array): void {
    this.body?.write(bytes)
    try {
      this.#takeApart(bytes)
    } catch (error) {
      this.#stopReading(error)
    }
  }

  /** What goes wrong ends the reading of this side, and nothing else. */
  #stopReading(error: unknown): void {
    this.#framing = { kind: 'unreadable' }
    this.#api = undefined
    this.reading.complete = false
    // Its message may hold content.
    this.notes.push(`the content could not be read (${error instanceof Error ? error.name : 'error'})`)
  }

  #takeApart(bytes: Uint8Array): void {
    if (this.#framing.kind === 'json') this.#framing = this.#jsonFraming(bytes)
    const framing = this.#framing
    switch (framing.kind) {
      case 'sse':
        for (const event of framing.decoder.write(bytes)) this.#event(event.data, event.name)
        return
      case 'objects':
        for (const object of framing.objects.write(bytes)) this.#fold(object, '')
        return
      case 'aws':
        for (const { object, name } of framing.decoder.write(bytes)) this.#fold(object, name)
        return
      case 'body':
        framing.body.write(bytes)
        return
      case 'form':
        framing.fields.write(bytes)
        return
      case 'json':
      case 'none':
      case 'unreadable':
        return
      default:
        framing satisfies never
    }
  }

  /** An answer that is an array is a stream of its elements. */
  #jsonFraming(bytes: Uint8Array): Framing {
    const first = bytes.find((byte) => byte > 32)
    if (first === undefined) return this.#framing
    if (first === 91 && this.#side === 'response') return objectsFraming()
    return { kind: 'body', body: new JsonBody(this.#side === 'request' ? REQUEST_MEMBERS : ANSWER_MEMBERS) }
  }

  #event(data: string, name: string): void {
    if (data === '[DONE]') {
      this.reading.complete = true
      return
    }
    const object = parseObject(data)
    if (object) this.#fold(object, name)
  }

  #fold(object: JsonObject, name: string): void {
    if (!this.#api) return
    if (this.#api.foldEvent(this.reading, object, name) && this.firstTokenUs < 0)
      this.firstTokenUs = this.#atUs
  }
}

function framingOf(side: 'request' | 'response', api: WireApi, mediaType: string): Framing {
  if (side === 'request') {
    if (mediaType === 'multipart/form-data') {
      return { kind: 'form', fields: new MultipartFields(REQUEST_MEMBERS) }
    }
    return isJson(mediaType) ? { kind: 'json' } : { kind: 'none' }
  }
  if (mediaType === 'text/event-stream') return { kind: 'sse', decoder: new SseDecoder(MAX_EVENT_BYTES) }
  if (mediaType === 'application/vnd.amazon.eventstream') {
    return { kind: 'aws', decoder: new AwsEventStreamDecoder() }
  }
  // Files of results come as anything from JSON lines to plain bytes.
  if (api.lines || LINES.includes(mediaType)) return objectsFraming()
  return isJson(mediaType) ? { kind: 'json' } : { kind: 'none' }
}

function objectsFraming(): Framing {
  return { kind: 'objects', objects: new JsonObjects(MAX_EVENT_BYTES) }
}

function isJson(mediaType: string): boolean {
  return mediaType === 'application/json' || mediaType.endsWith('+json') || mediaType === ''
}
