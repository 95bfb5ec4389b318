import { topLevelSpans, valueAt } from '../../wire/json/spans.ts'

/**
 * Asks a chat stream for its usage, by splicing `stream_options.include_usage` into the request's bytes; everything else
 * stays as it was.
 *
 * @returns `undefined` when there is nothing to ask: no stream, or it was asked for already
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

const LF = 10
const CR = 13

/** Largest event that may be the one with the usage; anything larger passes at once. */
const MAX_USAGE_EVENT_BYTES = 16 * 1024

/**
 * Takes the event with the usage, for which the client had not asked, out of an event stream. All other bytes pass as they
 * came; an event that has not wholly come waits until it has, because only its end tells whether it is the one.
 */
export class UsageEventFilter {
  #waiting: Uint8Array = new Uint8Array()
  /** Where the search for the event's end goes on. */
  #searched = 0
  /** In an event that is too large to be the one: it passes to its end. */
  #passing = false

  /** @returns what may pass now; possibly nothing */
  write(chunk: Uint8Array): Uint8Array {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk])
    const passed: Uint8Array[] = []
    for (;;) {
      const end = eventEnd(this.#waiting, this.#searched)
      if (end < 0) break
      const event = this.#waiting.subarray(0, end)
      if (this.#passing || !isUsageEvent(event)) passed.push(event)
      this.#passing = false
      this.#waiting = this.#waiting.subarray(end)
      this.#searched = 0
    }
    if (this.#passing || this.#waiting.length > MAX_USAGE_EVENT_BYTES) {
      // The last bytes may be the first half of the event's end.
      const keep = Math.min(3, this.#waiting.length)
      passed.push(this.#waiting.subarray(0, this.#waiting.length - keep))
      this.#waiting = this.#waiting.slice(this.#waiting.length - keep)
      this.#passing = true
    }
    this.#searched = Math.max(0, this.#waiting.length - 3)
    return passed.length === 1 ? passed[0]! : Buffer.concat(passed)
  }

  /** The stream has ended: what is left passes, whatever it is. */
  end(): Uint8Array {
    const rest = this.#waiting
    this.#waiting = new Uint8Array()
    return rest
  }
}

/** Index behind the blank line that ends an event, however its lines end; -1 when it has not come. */
function eventEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    const first = lineEnd(bytes, at)
    if (first === 0) continue
    const second = lineEnd(bytes, at + first)
    if (second === 0) continue
    // A CR at the very end may be half of a CRLF.
    const end = at + first + second
    if (bytes[end - 1] === CR && end === bytes.length) return -1
    return end
  }
  return -1
}

/** Length of the line end at an index: 1, 2, or 0 for none. */
function lineEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === LF) return 1
  if (bytes[at] !== CR) return 0
  return bytes[at + 1] === LF ? 2 : 1
}

/** Whether an event is the chunk that has a usage and no choice. */
function isUsageEvent(event: Uint8Array): boolean {
  const text = Buffer.from(event).toString('utf8')
  if (!text.includes('"usage"') || !text.includes('"choices"')) return false
  const data = text
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5))
    .join('\n')
  try {
    const chunk = JSON.parse(data) as { choices?: unknown; usage?: unknown }
    const { choices, usage } = chunk
    return Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && usage !== null
  } catch {
    return false
  }
}
