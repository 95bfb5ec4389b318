import type { GatewayError } from '../../errors.ts'
import { countEdits, type Counts } from '../../redaction/edits.ts'
import type { Redaction } from '../../redaction/redaction.ts'
import { judgeTarget } from '../../redaction/targets.ts'
import type { SideInspection } from '../../traces/exchange.ts'
import type { ExchangeFacts } from '../exchange/exchange-facts.ts'
import type { PolicyNotes } from '../exchange/policy-notes.ts'
import type { ContentPolicy, RequestNeed, ResponseNeed } from './content-policy.ts'
import { ResponseRedaction } from './redaction-response.ts'
import {
  plainContent,
  RedactionRun,
  uninspectableIn,
  type RedactionPorts,
  type RedactionTerms,
} from './redaction-run.ts'

/** What redaction does with an exchange; `undefined` when it looks at neither side on its way. */
export function redactionTerms(
  { caller, wire, readings }: ExchangeFacts,
  { scopes, settings }: Redaction,
): RedactionTerms | undefined {
  const resolved = scopes.resolve({ ...caller, provider: wire.provider, route: readings.loose })
  const request = settings.requestBody ? resolved.mode.request : 'pass'
  const response = settings.responseBody ? resolved.mode.response : 'pass'
  if (request === 'pass' && response === 'pass') return undefined
  return { ...resolved, request, response, maxBytes: settings.maxInspectBytes }
}

/** Replaces or refuses personal data and secrets in transit, and restores reversible placeholders. */
export class RedactionPolicy implements ContentPolicy {
  readonly notes: PolicyNotes
  readonly webSocketRefusal = 'a pii policy looks at requests and answers here; use HTTP'
  readonly request?: RequestNeed
  readonly #run: RedactionRun
  readonly #response: ResponseRedaction

  constructor(facts: ExchangeFacts, terms: RedactionTerms, ports: RedactionPorts) {
    this.#run = new RedactionRun(facts, terms, ports)
    this.#response = new ResponseRedaction(this.#run)
    const { mode, policyId, maxBytes } = terms
    this.notes = { inspection: { record: this.#run.record, mode: mode.name, policyId } }
    if (terms.request === 'pass') return
    this.request = {
      needs: 'all',
      maxBytes,
      apply: (content) => this.#apply(content),
      unseen: () => {
        throw this.#tooLarge()
      },
    }
  }

  get response(): ResponseNeed | undefined {
    const { restore, terms } = this.#run
    return terms.response === 'pass' && !restore ? undefined : this.#response
  }

  /** The target is sent unchanged, because another one would mean another resource. In a block mode it must hold no match. */
  judgeTarget(): void {
    const { facts, terms, ports, record } = this.#run
    if (terms.request !== 'block') return
    const counts: Counts = {}
    const rules = ports.inspector.redaction.rulesOf(facts.caller)
    countEdits(judgeTarget(facts.path, facts.query, rules), counts)
    if (Object.keys(counts).length === 0) return
    record.request = { decision: 'blocked', counts }
    throw this.#blocked(counts)
  }

  async #apply(content: Uint8Array): Promise<Uint8Array> {
    if (content.length === 0) return content
    const run = this.#run
    const { facts, terms, ports } = run
    if (content.length > terms.maxBytes) throw this.#tooLarge()
    const plain = plainContent(content, facts.requestFacts.codings, terms.maxBytes)
    if (plain === 'too_large') throw this.#tooLarge()
    if (plain.reason !== '') run.found('request', { kind: 'uninspectable', reason: plain.reason })
    const reversible = terms.request === 'redact' && ports.inspector.redaction.settings.reversible
    const mediaType = facts.fields['content-type'] ?? ''
    const { verdict, values } = await run.requireVerdict(plain.bytes, mediaType, reversible)
    const counts = run.found('request', verdict)
    const found = Object.keys(counts).length > 0
    const uninspectable = uninspectableIn(verdict, plain)
    const note = (decision: SideInspection['decision']): void => {
      run.record.request = { decision, counts, ...(uninspectable > 0 ? { uninspectable } : {}) }
    }
    if (found && terms.request === 'block') {
      note('blocked')
      throw this.#blocked(counts)
    }
    note(found ? 'redacted' : 'passed')
    if (!found || verdict.kind !== 'judged') return content
    if (values.length > 0) run.restore = new Map(values)
    return verdict.content
  }

  #blocked(counts: Counts): GatewayError {
    return this.#run.denied('pii_blocked', 'request blocked by pii policy', counts)
  }

  #tooLarge(): GatewayError {
    const message = `request body exceeds pii inspection limit (${this.#run.terms.maxBytes} bytes)`
    this.#run.record.request = { decision: 'denied', counts: {}, reason: message }
    return this.#run.denied('request_body_too_large', message, {}, message)
  }
}
