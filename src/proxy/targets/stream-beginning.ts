import { foldEvent } from '../../providers/apis/read-response.ts'
import { emptyReading, type Reading, type WireApi } from '../../providers/apis/wire-api.ts'
import { AwsEventStreamDecoder } from '../../wire/framing/aws-event-stream.ts'
import { JsonObjects } from '../../wire/framing/json-objects.ts'
import { SseDecoder } from '../../wire/framing/sse-decoder.ts'
import { parseObject, type JsonObject } from '../../wire/json/values.ts'

/** How the bytes of a stream are divided into events. */
export type StreamFraming = 'sse' | 'objects' | 'aws'

/** The media types of responses that come bit by bit. */
export const STREAM_FRAMINGS: ReadonlyMap<string, StreamFraming> = new Map<string, StreamFraming>([
  ['text/event-stream', 'sse'],
  ['application/x-ndjson', 'objects'],
  ['application/vnd.amazon.eventstream', 'aws'],
])

/** `held` until it is known: `passes` with its first content, its end, or when too much was held; `failed` with an event that says so. */
export type StreamState = 'held' | 'passes' | 'failed'

/**
 * The beginning of a stream, before its first content event. Until then another target can answer instead. Pure: the caller keeps the bytes.
 */
export class StreamBeginning {
  /** What was reported so far, usage included. */
  readonly reading: Reading = emptyReading()
  /** The event that reports the failure. */
  failure: JsonObject | undefined
  readonly #api: WireApi
  readonly #maxBytes: number
  readonly #take: (chunk: Uint8Array) => void
  #bytes = 0
  #state: StreamState = 'held'

  /** @param maxBytes so much is held at most */
  constructor(api: WireApi, framing: StreamFraming, maxBytes: number) {
    this.#api = api
    this.#maxBytes = maxBytes
    this.#take = this.#reader(framing)
  }

  /** Takes a chunk, which the caller holds until the state is another one. */
  write(chunk: Uint8Array): StreamState {
    if (this.#state !== 'held') return this.#state
    this.#take(chunk)
    this.#bytes += chunk.length
    if (this.#state === 'held' && this.#bytes >= this.#maxBytes) this.#state = 'passes'
    return this.#state
  }

  /** The stream has ended. @returns `failed` when it was cut before its content and its own end */
  end(): StreamState {
    if (this.#state === 'held') this.#state = this.reading.complete === true ? 'passes' : 'failed'
    return this.#state
  }

  #reader(framing: StreamFraming): (chunk: Uint8Array) => void {
    switch (framing) {
      case 'sse': {
        const events = new SseDecoder(this.#maxBytes)
        return (chunk) => {
          for (const { data, name } of events.write(chunk)) {
            if (data === '[DONE]') this.#decide('passes')
            else this.#event(parseObject(data), name)
          }
        }
      }
      case 'objects': {
        const objects = new JsonObjects(this.#maxBytes)
        return (chunk) => {
          for (const object of objects.write(chunk)) this.#event(object, '')
        }
      }
      case 'aws': {
        const events = new AwsEventStreamDecoder()
        return (chunk) => {
          for (const { object, name } of events.write(chunk)) this.#event(object, name)
          // It cannot be judged.
          if (events.failed) this.#decide('passes')
        }
      }
      default:
        return framing satisfies never
    }
  }

  #event(object: JsonObject | undefined, name: string): void {
    if (!object || this.#state !== 'held') return
    const generated = foldEvent(this.#api, this.reading, object, name)
    if (this.reading.error !== undefined) {
      this.failure = object
      this.#decide('failed')
    } else if (generated || this.reading.complete === true) this.#decide('passes')
  }

  #decide(state: StreamState): void {
    if (this.#state === 'held') this.#state = state
  }
}
