import { emptyReading } from '../providers/apis/wire-api.ts'
import { wireApiNamed } from '../providers/registry.ts'
import type { ContentReading } from '../traces/content-reading.ts'
import type { Contents, Exchange, Observed, ObservedMessage } from '../traces/exchange.ts'
import { SideObservation } from './side-observation.ts'

interface Sides {
  request?: SideObservation
  response?: SideObservation
}

/** Reads the content of running exchanges, and hands over the reading when one ends. */
export class ExchangeReader {
  readonly #captureBytes: () => number
  readonly #sides = new Map<string, Sides>()
  /** Contents that could not, or not wholly, be read. */
  givenUp = 0

  /** @param captureBytes how much of each body is kept; 0 for none */
  constructor(captureBytes: () => number) {
    this.#captureBytes = captureBytes
  }

  /** Takes a piece of streamed content. @returns a promise while it is being decoded elsewhere */
  observe(piece: Observed): Promise<void> | undefined {
    return this.#side(piece).piece(piece.bytes, piece.marks)
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
    const sides = this.#sides.get(exchange.id) ?? {}
    this.#sides.delete(exchange.id)
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

  #side({ id, side, wire, facts }: Pick<Observed, 'id' | 'side' | 'wire' | 'facts'>): SideObservation {
    let sides = this.#sides.get(id)
    if (!sides) this.#sides.set(id, (sides = {}))
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
