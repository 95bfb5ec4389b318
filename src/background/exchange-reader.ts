import { emptyReading, type WireApi } from '../providers/apis/wire-api.ts'
import { wireApiNamed } from '../providers/registry.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type {
  ContentFacts,
  Contents,
  Exchange,
  ObservedContent,
  ObservedMessage,
} from '../traces/exchange.ts'
import type { ObservedBatch } from './protocol.ts'
import { SideObservation } from './side-observation.ts'
import { readWholeRequest, readWholeResponse, type RequestSide, type ResponseSide } from './whole-body.ts'

interface Sides {
  request?: SideObservation
  response?: SideObservation
  /** Numbers of its contents that come in chunks. */
  readonly numbers: number[]
}

/** Reads the content of running exchanges. Every exchange of which it is shown content must `end`, or be forgotten. */
export class ExchangeReader {
  readonly #captureBytes: () => number
  readonly #sides = new Map<string, Sides>()
  /** Contents of all exchanges that come in chunks, by their numbers. */
  readonly #observed = new Map<number, SideObservation>()
  /** Contents that could not, or not wholly, be read. */
  givenUp = 0

  /** @param captureBytes how much of each body is kept; 0 for none */
  constructor(captureBytes: () => number) {
    this.#captureBytes = captureBytes
  }

  /**
   * Takes chunks of streamed content.
   *
   * @param looked called with numbers of bytes that have been read; later for what is decoded elsewhere
   */
  observe({ begun, bytes, chunks }: ObservedBatch, looked: (bytes: number) => void): void {
    for (const content of begun) {
      this.#observed.set(content.number, this.#side(content))
      this.#sides.get(content.id)!.numbers.push(content.number)
    }
    for (let i = 0, start = 0; i < chunks.length;) {
      const number = chunks[i]!
      const marks: number[] = []
      let length = 0
      // Chunks of one content that follow one another are read at once.
      for (; chunks[i] === number; i += 3) {
        marks.push(length, chunks[i + 2]!)
        length += chunks[i + 1]!
      }
      // A copy, because content that is kept must not keep the whole batch.
      const decoding = this.#observed.get(number)?.piece(bytes.slice(start, start + length), marks)
      start += length
      if (decoding) void decoding.then(() => looked(length))
      else looked(length)
    }
  }

  /** Takes a WebSocket message. */
  message(message: ObservedMessage): void {
    const facts = { mediaType: 'application/json', codings: '' }
    this.#side({ ...message, facts }).message(message.text, message.atUs)
  }

  /**
   * Ends an exchange.
   *
   * @returns the reading; a promise only when content must still be decoded asynchronously
   */
  end(exchange: Exchange, contents: Contents): ContentReading | Promise<ContentReading> {
    const api = wireApiNamed(exchange.wire.api)
    const sides = this.#takeSides(exchange.id)
    const request = contents.request
      ? this.#wholeRequest(api, exchange.request, contents.request)
      : sides?.request
    const response = contents.response
      ? this.#wholeResponse(api, exchange, contents.response)
      : sides?.response
    if (isDecoding(request) || isDecoding(response))
      return Promise.all([ended(request), ended(response)]).then(() =>
        this.#reading(api, exchange, request, response),
      )
    finish(request)
    finish(response)
    return this.#reading(api, exchange, request, response)
  }

  /** Forgets an exchange that will not be recorded. */
  forget(id: string): void {
    this.#takeSides(id)
  }

  #takeSides(id: string): Sides | undefined {
    const sides = this.#sides.get(id)
    if (!sides) return undefined
    this.#sides.delete(id)
    for (const number of sides.numbers) this.#observed.delete(number)
    return sides
  }

  #wholeRequest(api: WireApi | undefined, facts: ContentFacts, bytes: Uint8Array): RequestSide {
    const capture = this.#captureBytes()
    const read = readWholeRequest(api, facts, bytes, capture)
    if (read) return read
    const side = new SideObservation('request', api, facts, capture)
    side.whole(bytes, 0)
    return side
  }

  #wholeResponse(
    api: WireApi | undefined,
    { response: facts, completedUs }: Exchange,
    bytes: Uint8Array,
  ): ResponseSide {
    const capture = this.#captureBytes()
    const read = readWholeResponse(api, facts, bytes, capture)
    if (read) return read
    const side = new SideObservation('response', api, facts, capture)
    side.whole(bytes, completedUs)
    return side
  }

  #side({ id, side, wire, facts }: ObservedContent): SideObservation {
    let sides = this.#sides.get(id)
    if (!sides) this.#sides.set(id, (sides = { numbers: [] }))
    return (sides[side] ??= new SideObservation(side, wireApiNamed(wire.api), facts, this.#captureBytes()))
  }

  #reading(
    api: WireApi | undefined,
    exchange: Exchange,
    request: RequestSide | undefined,
    response: ResponseSide | undefined,
  ): ContentReading {
    const notes = notesOf(request, response)
    const missed = exchange.responseBytes - (response?.seenBytes ?? 0)
    const read = response?.reading ?? emptyReading()
    // Audio, text and lines have no end mark of their own.
    if ((response?.opaque || api?.lines) && exchange.outcome === 'completed') read.complete = true
    if (missed > 0 && api) {
      notes.push(`${missed} bytes of the answer could not be looked at`)
      read.complete = false
    }
    if (notes.length > 0) this.givenUp += 1
    if (api?.readFields) api.readFields(read, exchange.responseFields)
    if (api?.readRequest && request?.request.members) api.readRequest(read, request.request.members)
    return {
      api,
      requestModel: request?.request.model,
      request: request?.request.whole,
      requestMembers: request?.request.members ?? {},
      response: read,
      firstTokenUs: response?.firstTokenUs ?? -1,
      // A file of results is lines, and no stream.
      streamed: response?.streamed === true && !api?.lines,
      understood: response?.understood === true,
      notes,
      requestBody: capturedBody(request),
      responseBody: capturedBody(response),
    }
  }
}

function isDecoding(side: RequestSide | ResponseSide | undefined): boolean {
  return side instanceof SideObservation && side.decoding
}

async function ended(side: RequestSide | ResponseSide | undefined): Promise<void> {
  if (side instanceof SideObservation) await side.end()
}

function finish(side: RequestSide | ResponseSide | undefined): void {
  if (side instanceof SideObservation) side.finish()
}

function notesOf(request: RequestSide | undefined, response: ResponseSide | undefined): string[] {
  const notes: string[] = []
  if (request && request.notes.length > 0) notes.push(...request.notes)
  if (response && response.notes.length > 0) notes.push(...response.notes)
  return notes
}

function capturedBody(side: RequestSide | ResponseSide | undefined): ContentReading['requestBody'] {
  return side?.body ? { bytes: side.body.bytes(), truncated: side.body.truncated } : undefined
}
