import { emptyReading } from '../providers/apis/wire-api.ts'
import { wireApiNamed } from '../providers/registry.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type { Contents, Exchange, ObservedContent, ObservedMessage } from '../traces/exchange.ts'
import { ContentPieces } from './content-pieces.ts'
import type { ObservedBatch } from './protocol.ts'
import { SideObservation } from './side-observation.ts'

interface Sides {
  request?: SideObservation
  response?: SideObservation
  /** Contents that come in chunks, by their numbers. */
  readonly observed: Map<number, ContentPieces>
}

/** Reads the content of running exchanges, and hands over the reading when one ends. */
export class ExchangeReader {
  readonly #captureBytes: () => number
  readonly #sides = new Map<string, Sides>()
  /** Contents of all exchanges that come in chunks, by their numbers. */
  readonly #observed = new Map<number, ContentPieces>()
  /** Contents that could not, or not wholly, be read. */
  givenUp = 0

  /** @param captureBytes how much of each body is kept; 0 for none */
  constructor(captureBytes: () => number) {
    this.#captureBytes = captureBytes
  }

  /** Takes chunks of streamed content. @param looked called with numbers of bytes that have been read; later for what is decoded elsewhere */
  observe({ begun, bytes, chunks }: ObservedBatch, looked: (bytes: number) => void): void {
    for (const content of begun) {
      const pieces = new ContentPieces(this.#side(content))
      this.#observed.set(content.number, pieces)
      this.#sides.get(content.id)!.observed.set(content.number, pieces)
    }
    let offset = 0
    let read = 0
    for (let i = 0; i < chunks.length; i += 3) {
      const length = chunks[i + 1]!
      const chunk = bytes.subarray(offset, offset + length)
      offset += length
      const decoding = this.#observed.get(chunks[i]!)?.take(chunk, chunks[i + 2]!)
      if (decoding) void decoding.then(() => looked(length))
      else read += length
    }
    looked(read)
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
    const sides: Sides = this.#sides.get(exchange.id) ?? { observed: new Map() }
    this.#sides.delete(exchange.id)
    for (const [number, pieces] of sides.observed) {
      this.#observed.delete(number)
      void pieces.flush()
    }
    const api = wireApiNamed(exchange.wire.api)
    const capture = this.#captureBytes()
    if (contents.request) {
      sides.request = new SideObservation('request', api, exchange.request, capture)
      sides.request.whole(contents.request, 0)
    }
    if (contents.response) {
      sides.response = new SideObservation('response', api, exchange.response, capture)
      sides.response.whole(contents.response, exchange.completedUs)
    }
    if (!sides.request?.decoding && !sides.response?.decoding) {
      sides.request?.finish()
      sides.response?.finish()
      return this.#reading(exchange, sides)
    }
    return Promise.all([sides.request?.end(), sides.response?.end()]).then(() =>
      this.#reading(exchange, sides),
    )
  }

  #side({ id, side, wire, facts }: ObservedContent): SideObservation {
    let sides = this.#sides.get(id)
    if (!sides) this.#sides.set(id, (sides = { observed: new Map() }))
    return (sides[side] ??= new SideObservation(side, wireApiNamed(wire.api), facts, this.#captureBytes()))
  }

  #reading(exchange: Exchange, { request, response }: Sides): ContentReading {
    const api = wireApiNamed(exchange.wire.api)
    const notes = [...(request?.notes ?? []), ...(response?.notes ?? [])]
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
    const body = (side: SideObservation | undefined): ContentReading['requestBody'] =>
      side?.body ? { bytes: side.body.bytes(), truncated: side.body.truncated } : undefined
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
      requestBody: body(request),
      responseBody: body(response),
    }
  }
}
