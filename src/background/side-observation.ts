import { foldEvent, readResponse } from '../providers/apis/read-response.ts'
import { type Reading, type WireApi, emptyReading } from '../providers/apis/wire-api.ts'
import { declaredFraming } from '../redaction/body-kind.ts'
import type { ContentFacts } from '../traces/exchange.ts'
import { type Coding, ContentDecoder, codingOf, decodeUpTo } from '../wire/framing/content-decoder.ts'
import { FramingSniffer } from '../wire/framing/framing-sniffer.ts'
import type { SseDecoder } from '../wire/framing/sse-decoder.ts'
import type { JsonObjects } from '../wire/framing/json-objects.ts'
import { isAmbiguous } from '../wire/json/ambiguous.ts'
import type { JsonBody } from '../wire/json/body.ts'
import { type JsonObject, parseObject, textOf } from '../wire/json/values.ts'
import { BodyCopy } from './body-copy.ts'
import { type ContentFraming, framingOf } from './content-framing.ts'
import { type ContentShape, ContentStart } from './content-start.ts'
import { type RequestReading, modelNamed } from './request-reading.ts'
import { SkimmedEvents } from './skimmed-events.ts'

/** A whole body that decodes to at most this size is decoded at once. A larger one is decoded piece by piece, asynchronously. */
const AT_ONCE_DECODED_BYTES = 1024 * 1024

const NOTHING = new Uint8Array(0)

interface LoneObject {
  readonly object: JsonObject
  readonly atUs: number
}

/**
 * One side of an exchange, read while it passes: decodes the copy, reads usage, keeps the body if bodies are captured.
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
  /** It came as a stream, whatever its type says. */
  streamed = false
  /** Some of it was read: an event, a message, a JSON object. */
  understood = false
  readonly #side: 'request' | 'response'
  #api: WireApi | undefined
  readonly #mediaType: string
  readonly #coding: ReturnType<typeof codingOf>
  #framing: ContentFraming
  #decoder: ContentDecoder | undefined
  #work: Promise<void> | undefined
  /** Content came as messages, each of which has been read. */
  #messages = false
  #atUs = 0
  #lone: LoneObject | undefined
  #reading: Reading | undefined
  #skimmed: SkimmedEvents | undefined

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
    this.#mediaType = facts.mediaType
    this.#framing = this.#begin(api)
  }

  /** What the response says of itself; empty for a request. */
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
      const { kind } = this.#framing
      if ((kind !== 'sse' && kind !== 'start') || this.firstTokenUs >= 0 || marks.length <= 2) {
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

  /** The content has ended: reads the rest. Waits for asynchronous decoding, if there is any. */
  async end(): Promise<void> {
    if (this.#decoder) {
      await this.#work
      await this.#decoder.end()
      if (this.#decoder.failed)
        this.notes.push('the body could not be decoded to its end, or was too large to be read')
    }
    this.finish()
  }

  /** Whether `end` must be awaited; otherwise `finish` is enough. */
  get decoding(): boolean {
    return this.#decoder !== undefined
  }

  /** Reads the rest of a body that needs no asynchronous decoding. */
  finish(): void {
    try {
      this.#finishReading()
    } catch (error) {
      this.#stopReading(error)
    }
  }

  #finishReading(): void {
    if (this.#framing.kind === 'start') this.#become(this.#framing.start.end(), this.#framing.start)
    const framing = this.#framing
    switch (framing.kind) {
      case 'sse':
        for (const event of framing.decoder.end()) this.#event(event.data, event.name)
        this.#noteSkipped(framing.decoder.skipped)
        return
      case 'objects':
        if (this.#lone) this.#finishLone(this.#lone, framing.objects)
        this.#noteSkipped(framing.objects.skipped)
        return
      case 'aws':
        if (framing.decoder.failed) this.notes.push('the event stream is damaged')
        return
      case 'form':
        this.request.members = framing.fields.toObject()
        this.request.model = textOf(this.request.members['model'])
        return
      case 'body':
        this.#finishBody(framing.body)
        return
      case 'start':
      case 'none':
      case 'unreadable':
        return
      default:
        framing satisfies never
    }
  }

  #finishBody(body: JsonBody): void {
    const { object, whole } = body.read()
    if (this.#side === 'request') return this.#finishRequest(object, whole, body.held())
    if (!whole && this.#turnsOutStream(body)) {
      // When its events came is not known any more.
      this.firstTokenUs = -1
      return this.#finishReading()
    }
    const { reading } = this
    readResponse(this.#api!, reading, object)
    if (!whole && !reading.usage) reading.complete = false
    this.understood = whole || reading.usage !== undefined || reading.error !== undefined
    return undefined
  }

  /** What began like one JSON text may be many, or be followed by events: reads it again as what it is. */
  #turnsOutStream(body: JsonBody, more: Uint8Array = NOTHING): boolean {
    const held = body.held()
    if (!held) return false
    const finder = new FramingSniffer(declaredFraming(this.#mediaType))
    const found = finder.write(held) ?? finder.write(more)
    if (found !== 'sse' && found !== 'lines') return false
    this.#framing = framingOf(found === 'sse' ? 'sse' : 'objects', this.#side)
    this.#take(held)
    return true
  }

  #finishRequest(object: JsonObject, whole: boolean, held: Uint8Array | undefined): void {
    // It is not known which one the upstream used, and the other must not decide the price.
    this.request.model = held && isAmbiguous(held, 'model') ? undefined : modelNamed(object)
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
      this.#take(bytes)
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

  #take(bytes: Uint8Array): void {
    const framing = this.#framing
    switch (framing.kind) {
      case 'sse':
        this.#takeEvents(framing.decoder, bytes)
        return
      case 'objects':
        for (const object of framing.objects.write(bytes)) this.#object(object)
        return
      case 'aws':
        for (const { object, name } of framing.decoder.write(bytes)) this.#fold(object, name)
        return
      case 'body':
        if (this.#side === 'response' && framing.body.outgrownBy(bytes)) {
          if (this.#turnsOutStream(framing.body, bytes)) return this.#take(bytes)
        }
        framing.body.write(bytes)
        return
      case 'form':
        framing.fields.write(bytes)
        return
      case 'start': {
        const shape = framing.start.write(bytes)
        if (shape) this.#become(shape, framing.start)
        return
      }
      case 'none':
      case 'unreadable':
        return
      default:
        framing satisfies never
    }
  }

  #takeEvents(decoder: SseDecoder, bytes: Uint8Array): void {
    const textDelta = this.#api?.textDelta
    if (!textDelta) {
      for (const event of decoder.write(bytes)) this.#event(event.data, event.name)
      return
    }
    this.#skimmed ??= new SkimmedEvents(decoder, textDelta, {
      output: this.reading.output,
      // The time of the first text is wanted.
      passesOver: () => this.firstTokenUs >= 0,
      take: (event) => this.#event(event.data, event.name),
    })
    this.#skimmed.write(bytes)
  }

  #begin(api: WireApi | undefined): ContentFraming {
    if (!api) return { kind: 'none' }
    // Files of results come as anything from JSON lines to plain bytes.
    if (api.lines && this.#side === 'response') return framingOf('objects', this.#side)
    return { kind: 'start', start: new ContentStart(this.#side, this.#mediaType) }
  }

  #become(shape: ContentShape, { pieces }: ContentStart): void {
    this.#framing = framingOf(shape, this.#side)
    for (const piece of pieces) this.#take(piece)
  }

  /** The first of many objects waits for the second: alone it is a whole response. */
  #object(object: JsonObject): void {
    const lone = this.#lone
    if (!lone && !this.streamed && !this.#api?.lines) {
      this.#lone = { object, atUs: this.#atUs }
      return
    }
    this.#lone = undefined
    if (lone) this.#foldLone(lone)
    this.#fold(object, '')
  }

  #foldLone({ object, atUs }: LoneObject): void {
    const now = this.#atUs
    this.#atUs = atUs
    this.#fold(object, '')
    this.#atUs = now
  }

  /** It was the only one, unless it is in an array or another one has begun. */
  #finishLone(lone: LoneObject, objects: JsonObjects): void {
    this.#lone = undefined
    if (objects.many) return this.#foldLone(lone)
    this.understood = true
    readResponse(this.#api!, this.reading, lone.object)
    return undefined
  }

  #event(data: string, name: string): void {
    if (data === '[DONE]') {
      if (this.reading.error === undefined) this.reading.complete = true
      return
    }
    const object = parseObject(data)
    if (object) this.#fold(object, name)
  }

  #fold(object: JsonObject, name: string): void {
    if (!this.#api) return
    this.understood = true
    if (!this.#messages) this.streamed = true
    if (foldEvent(this.#api, this.reading, object, name) && this.firstTokenUs < 0)
      this.firstTokenUs = this.#atUs
  }
}
