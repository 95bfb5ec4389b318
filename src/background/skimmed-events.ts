import type { TextSample } from '../providers/apis/text-sample.ts'
import type { WireApi } from '../providers/apis/wire-api.ts'
import type { SseDecoder, SseEvent } from '../wire/framing/sse-decoder.ts'
import { DeltaSkimmer } from './delta-skimmer.ts'

const LF = 10

/** Who reads the events of a stream. */
export interface EventReader {
  /** Text that the model wrote, as far as it was read. */
  readonly output: TextSample
  /** Whether events that are only text may be passed over now; their text is added to `output`. */
  readonly passesOver: () => boolean
  readonly take: (event: SseEvent) => void
}

/** Decodes an event stream for a reader, and passes over the events that are only text and look like the one before. */
export class SkimmedEvents {
  readonly #decoder: SseDecoder
  readonly #skimmer: DeltaSkimmer
  readonly #reader: EventReader

  constructor(decoder: SseDecoder, textDelta: NonNullable<WireApi['textDelta']>, reader: EventReader) {
    this.#decoder = decoder
    this.#skimmer = new DeltaSkimmer(textDelta)
    this.#reader = reader
  }

  /** Takes bytes, cut anywhere. */
  write(bytes: Uint8Array): void {
    const { output, passesOver } = this.#reader
    for (let rest = bytes; rest.length > 0;) {
      const begins = this.#decoder.betweenEvents
      if (begins && passesOver()) {
        rest = rest.subarray(this.#skimmer.skim(rest, output))
        if (rest.length === 0) return
      }
      const end = endOfEvent(rest)
      const event = rest.subarray(0, end)
      const { length } = output
      if (this.#read(event)) {
        if (begins && output.length > length) this.#skimmer.learn(event)
        else this.#skimmer.forget()
      }
      rest = rest.subarray(end)
    }
  }

  /** @returns whether there was an event */
  #read(bytes: Uint8Array): boolean {
    const events = this.#decoder.write(bytes)
    for (const event of events) this.#reader.take(event)
    return events.length > 0
  }
}

/** Place behind the next blank line that LF ends; the length when there is none. */
function endOfEvent(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1))
    if (bytes[at + 1] === LF) return at + 2
  return bytes.length
}
