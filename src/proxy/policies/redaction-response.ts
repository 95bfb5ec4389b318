import type { GatewayError } from '../../errors.ts'
import { restoringRules } from '../../redaction/restore.ts'
import type { Framing } from '../../wire/framing/event-pieces.ts'
import type { ResponseHead, ResponseNeed, StreamFilter } from './content-policy.ts'
import { EventFilter } from './event-filter.ts'
import { type PlainContent, type RedactionRun, plainContent, uninspectableIn } from './redaction-run.ts'

type SeesAll = Extract<ResponseNeed, { readonly needs: 'all' }>

/** Redaction of a response: matches are replaced or refused, then placeholders of the request are restored. */
export class ResponseRedaction implements SeesAll {
  readonly needs = 'all'
  readonly #run: RedactionRun
  /** The policy looks at responses. Without that, only placeholders are put back. */
  readonly #looks: boolean
  /** What the policy looks at a stream with. */
  #filter: EventFilter | undefined

  constructor(run: RedactionRun) {
    this.#run = run
    this.#looks = run.terms.response !== 'pass'
  }

  get maxBytes(): number {
    return this.#run.terms.maxBytes
  }

  /** Placeholders in content that passes unseen stay. */
  get passesUnseen(): boolean {
    return !this.#looks || this.#run.ports.inspector.redaction.settings.uninspectable === 'allow'
  }

  unseen(reason: string): void {
    if (!this.#looks) return
    this.#run.found('response', { kind: 'uninspectable', reason })
    this.#run.record.response = { decision: 'passed', counts: {}, uninspectable: 1 }
  }

  follow(_head: ResponseHead, framing: Framing | undefined): readonly StreamFilter[] {
    const { terms, ports, facts, restore } = this.#run
    if (!framing) return []
    const filters: StreamFilter[] = []
    const maxEventBytes = terms.maxBytes
    const { redaction } = ports.inspector
    if (this.#looks) {
      const uninspectable = redaction.settings.uninspectable === 'deny'
      const refuses = { finds: terms.response === 'block', uninspectable }
      const rules = redaction.rulesOf(facts.caller)
      this.#filter = new EventFilter({ rules, framing, maxEventBytes, refuses })
      filters.push(this.#filter)
    }
    if (restore) {
      const refuses = { finds: false, uninspectable: false }
      filters.push(new EventFilter({ rules: restoringRules(restore), framing, maxEventBytes, refuses }))
    }
    return filters
  }

  streamEnded(refusal: GatewayError | undefined): void {
    if (!this.#filter) return
    const { counts, uninspectable } = this.#filter
    const found = Object.keys(counts).length > 0
    const refused = refusal?.code === 'response_blocked' ? 'blocked' : 'denied'
    this.#run.record.response = {
      decision: refusal ? refused : found ? 'redacted' : 'passed',
      counts,
      ...(uninspectable > 0 ? { uninspectable } : {}),
      ...(refused === 'denied' && refusal ? { reason: refusal.message } : {}),
    }
  }

  async apply(content: Uint8Array, { fields, facts }: ResponseHead): Promise<Uint8Array> {
    const { terms, restore } = this.#run
    const plain = plainContent(content, facts.codings, terms.maxBytes)
    if (plain === 'too_large') {
      this.unseen(`it is larger than ${terms.maxBytes} bytes`)
      return content
    }
    const mediaType = String(fields['content-type'] ?? '')
    let passed = this.#looks ? await this.#judged(plain, mediaType) : plain.bytes
    if (restore) passed = await this.#restored(passed, mediaType, [...restore])
    return passed === plain.bytes ? content : passed
  }

  async #judged(plain: PlainContent, mediaType: string): Promise<Uint8Array> {
    const run = this.#run
    if (plain.reason !== '') run.found('response', { kind: 'uninspectable', reason: plain.reason })
    const { verdict } = await run.requireVerdict(plain.bytes, mediaType, false)
    const counts = run.found('response', verdict)
    const found = Object.keys(counts).length > 0
    const uninspectable = uninspectableIn(verdict, plain)
    const blocked = found && run.terms.response === 'block'
    run.record.response = {
      decision: blocked ? 'blocked' : found ? 'redacted' : 'passed',
      counts,
      ...(uninspectable > 0 ? { uninspectable } : {}),
    }
    if (blocked) throw run.denied('response_blocked', 'response blocked by pii policy', counts)
    return found && verdict.kind === 'judged' ? verdict.content : plain.bytes
  }

  /** Content with its placeholders restored; unchanged when that takes too long. */
  async #restored(
    bytes: Uint8Array,
    mediaType: string,
    restore: readonly [string, string][],
  ): Promise<Uint8Array> {
    const { signal, warn } = this.#run.ports
    try {
      const { verdict } = await this.#run.judge({ bytes, mediaType, reversible: false, restore })
      return verdict.kind === 'judged' && Object.keys(verdict.counts).length > 0 ? verdict.content : bytes
    } catch (error) {
      if (signal.aborted) throw error
      const reason = error instanceof Error ? error.message : String(error)
      warn('placeholders were not put back', { reason })
      return bytes
    }
  }
}
