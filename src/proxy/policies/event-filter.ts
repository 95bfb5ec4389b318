import { GatewayError } from '../../errors.ts'
import type { Counts } from '../../redaction/edits.ts'
import { EventRedactor, type ReadyEvent } from '../../redaction/event-redactor.ts'
import { writeText } from '../../wire/text-bytes.ts'
import type { TextRules } from '../../redaction/text-rules.ts'
import { OutOfTimeError, TimeBudget } from '../../redaction/time-budget.ts'
import { EventFraming } from '../../wire/framing/event-framing.ts'
import type { Framing } from '../../wire/framing/event-pieces.ts'
import type { StreamFilter } from './content-policy.ts'

/** How long inspecting the events of one chunk may take: everything else waits for it. */
const CHUNK_MS = 500

/** What is done with matches in a stream of events. */
export interface EventFilterTerms {
  readonly rules: TextRules
  readonly framing: Framing
  /** Largest event. */
  readonly maxEventBytes: number
  /** Matches, and strings that cannot be looked into, end the stream. */
  readonly refuses: { readonly finds: boolean; readonly uninspectable: boolean }
}

/** Looks through the events of a stream as they pass, and changes or refuses them. */
export class EventFilter implements StreamFilter {
  readonly #framing: EventFraming
  readonly #redactor: EventRedactor
  readonly #terms: EventFilterTerms
  readonly #budget = new TimeBudget(CHUNK_MS, () => performance.now())
  #refusal: GatewayError | undefined

  constructor(terms: EventFilterTerms) {
    this.#terms = terms
    this.#framing = new EventFraming(terms.framing)
    this.#redactor = new EventRedactor({ ...terms.rules, budget: this.#budget })
  }

  /** The matches so far. */
  get counts(): Counts {
    return this.#redactor.counts
  }

  get uninspectable(): number {
    return this.#redactor.uninspectable
  }

  get refusal(): GatewayError | undefined {
    return this.#refusal
  }

  write(chunk: Uint8Array): Uint8Array {
    const { maxEventBytes, refuses } = this.#terms
    let tooLarge = false
    const passed = this.#passed(() => {
      const events = this.#framing.write(chunk)
      tooLarge = this.#framing.pendingBytes > maxEventBytes
      // If it may pass, the part that has come is inspected by itself.
      const cut = tooLarge && !refuses.uninspectable ? this.#framing.end() : []
      return [...events, ...cut].flatMap((event) => this.#redactor.take(event))
    })
    if (tooLarge && refuses.uninspectable)
      this.#refusal ??= new GatewayError('response_uninspectable', `${DENIED}: an event is too large`)
    return passed
  }

  end(): Uint8Array {
    return this.#passed(() => {
      const last = this.#framing.end().flatMap((event) => this.#redactor.take(event))
      return [...last, ...this.#redactor.end()]
    })
  }

  /** The events that are ready; none when inspecting takes too long. */
  #ready(look: () => readonly ReadyEvent[]): readonly ReadyEvent[] {
    // What was cut off in the middle is not gone on with.
    if (this.#refusal) return []
    this.#budget.restart()
    try {
      return look()
    } catch (error) {
      if (!(error instanceof OutOfTimeError)) throw error
      this.#refusal = new GatewayError('response_uninspectable', `${DENIED}: ${error.message}`)
      return []
    }
  }

  /** The events that pass, up to the first that may not. */
  #passed(look: () => readonly ReadyEvent[]): Uint8Array {
    const ready = this.#ready(look)
    const { finds, uninspectable } = this.#terms.refuses
    const passed: Uint8Array[] = []
    for (const event of ready) {
      if (finds && event.edits.length > 0) {
        this.#refusal ??= new GatewayError('response_blocked', 'response blocked by pii policy')
      } else if (uninspectable && event.uninspectable) {
        this.#refusal ??= new GatewayError(
          'response_uninspectable',
          `${DENIED}: it holds what cannot be looked into`,
        )
      }
      if (this.#refusal) break
      passed.push(writeText(event.text, event.utf8))
    }
    return passed.length === 1 ? passed[0]! : Buffer.concat(passed)
  }
}

const DENIED = 'response denied by pii policy'
