import { topLevelSpans, valueAt } from '../../wire/json/spans.ts'
import { EventPieces } from '../../wire/framing/event-pieces.ts'
import { type SseEvent, readSse } from '../../wire/framing/sse-decoder.ts'
import { parseObject } from '../../wire/json/values.ts'

/**
 * Makes a chat stream report its usage, by splicing `stream_options.include_usage` into the request's bytes; everything else
 * stays as it was.
 *
 * @returns `undefined` when nothing must change: no stream, or the request has the option already
 */
export function askForUsage(json: Uint8Array): Uint8Array | undefined {
  const spans = topLevelSpans(json, ['stream', 'stream_options'])
  const stream = spans.get('stream')
  if (!stream || valueAt(json, stream) !== true) return undefined
  const options = spans.get('stream_options')
  if (!options) return splice(json, stream.end, stream.end, ',"stream_options":{"include_usage":true}')
  const value = valueAt(json, options)
  if (value === null) return splice(json, options.start, options.end, '{"include_usage":true}')
  if (typeof value !== 'object' || Array.isArray(value)) return undefined
  const inner = json.subarray(options.start, options.end)
  const asked = topLevelSpans(inner, ['include_usage']).get('include_usage')
  if (!asked) {
    const comma = Object.keys(value).length > 0 ? ',' : ''
    return splice(json, options.start + 1, options.start + 1, `"include_usage":true${comma}`)
  }
  if (valueAt(inner, asked) === true) return undefined
  return splice(json, options.start + asked.start, options.start + asked.end, 'true')
}

function splice(bytes: Uint8Array, start: number, end: number, text: string): Uint8Array {
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)])
}

/** Largest event that may carry the usage. Anything larger passes at once. */
const MAX_USAGE_EVENT_BYTES = 16 * 1024

/**
 * Removes the event with the usage, which the client had not requested, from an event stream. All other bytes pass unchanged. A partial
 * event waits for its end, because only the end shows whether it is this event.
 */
export class UsageEventFilter {
  readonly #pieces = new EventPieces('sse')
  /** In an event that is too large to carry the usage: it passes to its end. */
  #passing = false

  /** @returns what may pass now; possibly nothing */
  write(chunk: Uint8Array): Uint8Array {
    const passed: Uint8Array[] = []
    // The waiting bytes are in memory that is used again.
    const copied = this.#pieces.pendingBytes > 0
    this.#pieces.write(chunk, (event) => {
      if (this.#passing || !isUsageEvent(event)) passed.push(copied ? event.slice() : event)
      this.#passing = false
    })
    if (this.#passing || this.#pieces.pendingBytes > MAX_USAGE_EVENT_BYTES) {
      passed.push(this.#pieces.release())
      this.#passing = true
    }
    return passed.length === 1 ? passed[0]! : Buffer.concat(passed)
  }

  /** The stream has ended: the rest passes unchanged. */
  end(): Uint8Array {
    return this.#pieces.end()
  }
}

/** Whether an event is the chunk that has a usage and no choice. */
function isUsageEvent(event: Uint8Array): boolean {
  const text = Buffer.from(event).toString('utf8')
  if (!text.includes('"usage"') || !text.includes('"choices"')) return false
  const events: SseEvent[] = []
  readSse(text, events)
  const { choices, usage } = parseObject(events[0]?.data ?? '') ?? {}
  return Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && usage !== null
}
