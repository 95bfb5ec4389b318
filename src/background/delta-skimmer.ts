import type { TextSample } from '../providers/apis/text-sample.ts'
import type { WireApi } from '../providers/apis/wire-api.ts'
import { EventTemplate } from '../wire/framing/event-template.ts'
import { readSse, type SseEvent } from '../wire/framing/sse-decoder.ts'
import { parseObject } from '../wire/json/values.ts'

/** Larger events are no templates. */
const MAX_EVENT_BYTES = 2048

/** Templates that may be made of a stream, and how many events must match for each further one. */
const TEMPLATES = 4
const MATCHES_EACH = 8

/** Members whose content nothing reads: they change from event to event. */
const IGNORED = ['obfuscation', 'sequence_number']

const FILLED = 'filled'

/**
 * Passes over events that hold nothing but a piece of text and look like an earlier one: they are compared, not parsed. What is
 * read of a stream is the same as if each event had been parsed.
 */
export class DeltaSkimmer {
  readonly #textDelta: NonNullable<WireApi['textDelta']>
  #template: EventTemplate | undefined
  #templates = 0
  #matches = 0

  constructor(textDelta: NonNullable<WireApi['textDelta']>) {
    this.#textDelta = textDelta
  }

  /**
   * Passes over such events. The bytes must begin where an event begins.
   *
   * @param output takes their texts
   * @returns how many bytes they have
   */
  skim(bytes: Uint8Array, output: TextSample): number {
    const template = this.#template
    if (!template) return 0
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const text = buffer.toString('latin1')
    let at = 0
    for (;;) {
      const end = template.match(text, at)
      if (end < 0) return at
      // A part of the text would keep all of it in memory.
      const part = buffer.toString('utf8', template.start, template.end)
      const delta = template.escaped ? unescaped(part) : part
      if (delta === undefined) return at
      output.add(delta)
      this.#matches += 1
      at = end
    }
  }

  /** An event was parsed: those that follow may look like it. @param bytes all of the event, and nothing else */
  learn(bytes: Uint8Array): void {
    this.forget()
    if (bytes.length > MAX_EVENT_BYTES || this.#templates >= TEMPLATES + this.#matches / MATCHES_EACH) return
    const event = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    if (!event.endsWith('\n\n') || event.includes('\r')) return
    this.#templates += 1
    const delta = this.#deltaOf(event)
    if (!delta) return
    const template = EventTemplate.of(event, Buffer.from(delta).toString('latin1'), IGNORED)
    // The parser decides whether the template says where the text stands.
    if (template && this.#deltaOf(template.filled(FILLED)) === FILLED) this.#template = template
  }

  /** Another event was parsed: only after the same one it is certain that an event says nothing new. */
  forget(): void {
    this.#template = undefined
  }

  #deltaOf(event: string): string | undefined {
    const events: SseEvent[] = []
    readSse(Buffer.from(event, 'latin1').toString('utf8'), events)
    const object = events.length === 1 ? parseObject(events[0]!.data) : undefined
    return object && this.#textDelta(object)
  }
}

/** What a JSON string means; `undefined` when it is none. */
function unescaped(part: string): string | undefined {
  try {
    return JSON.parse(`"${part}"`) as string
  } catch {
    return undefined
  }
}
