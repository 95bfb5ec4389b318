import { GatewayError } from '../errors.ts'
import type { Counts } from '../redaction/edits.ts'
import { EventFraming, type Framing } from '../redaction/event-framing.ts'
import { EventRedactor, type ReadyEvent } from '../redaction/event-redactor.ts'
import { writeText } from '../redaction/text-bytes.ts'
import type { TextRules } from '../redaction/text-rules.ts'

/** What bytes of a stream pass through on their way to the client. */
export interface StreamFilter {
  /** @returns what may pass now; possibly nothing */
  write(chunk: Uint8Array): Uint8Array
  /** The stream has ended. @returns what was held back */
  end(): Uint8Array
}

/** What is done with finds in a stream of events. */
export interface EventFilterTerms {
  readonly rules: TextRules
  readonly framing: Framing
  /** Largest event. */
  readonly maxEventBytes: number
  /** Finds, and strings that cannot be looked into, end the stream. */
  readonly refuses: { readonly finds: boolean; readonly uninspectable: boolean }
}

/** Looks through the events of a stream as they pass, and changes or refuses them. */
export class EventFilter implements StreamFilter {
  readonly #framing: EventFraming
  readonly #redactor: EventRedactor
  readonly #terms: EventFilterTerms

  constructor(terms: EventFilterTerms) {
    this.#terms = terms
    this.#framing = new EventFraming(terms.framing)
    this.#redactor = new EventRedactor(terms.rules)
  }

  /** What was found so far. */
  get counts(): Counts {
    return this.#redactor.counts
  }

  get uninspectable(): number {
    return this.#redactor.uninspectable
  }

  /** @throws GatewayError when the stream is refused from here on */
  write(chunk: Uint8Array): Uint8Array {
    const ready = this.#framing.write(chunk).flatMap((event) => this.#redactor.take(event))
    if (this.#framing.pendingBytes > this.#terms.maxEventBytes) {
      throw new GatewayError('response_uninspectable', 'response denied by pii policy: an event is too large')
    }
    return this.#passed(ready)
  }

  /** @throws GatewayError when the last of the stream is refused */
  end(): Uint8Array {
    const last = this.#framing.end().flatMap((event) => this.#redactor.take(event))
    return this.#passed([...last, ...this.#redactor.end()])
  }

  #passed(ready: readonly ReadyEvent[]): Uint8Array {
    const { finds, uninspectable } = this.#terms.refuses
    if (finds && Object.keys(this.counts).length > 0) {
      throw new GatewayError('response_blocked', 'response blocked by pii policy')
    }
    if (uninspectable && this.uninspectable > 0) {
      const message = 'response denied by pii policy: it holds what cannot be looked into'
      throw new GatewayError('response_uninspectable', message)
    }
    const [first] = ready
    if (ready.length === 1) return writeText(first!.text, first!.utf8)
    return Buffer.concat(ready.map(({ text, utf8 }) => writeText(text, utf8)))
  }
}
