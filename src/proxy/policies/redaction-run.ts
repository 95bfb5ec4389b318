import { GatewayError, type GatewayErrorCode } from '../../errors.ts'
import type { InspectionContent, InspectionResult } from '../../inspection/judge-content.ts'
import type { Inspector } from '../../inspection/inspector.ts'
import type { BodyVerdict } from '../../redaction/bodies.ts'
import type { Counts } from '../../redaction/edits.ts'
import type { ResolvedMode } from '../../redaction/scopes.ts'
import type { InspectionRecord } from '../../traces/exchange.ts'
import { codingOf, decodeUpTo } from '../../wire/framing/content-decoder.ts'
import type { ExchangeFacts } from '../exchange/exchange-facts.ts'

/** What redaction does with each side of an exchange. */
export interface RedactionTerms extends ResolvedMode {
  readonly request: 'redact' | 'block' | 'pass'
  readonly response: 'redact' | 'block' | 'pass'
  readonly maxBytes: number
}

/** What redaction needs of the gateway around it. */
export interface RedactionPorts {
  readonly inspector: Inspector
  /** The exchange was broken off, so its verdict is no longer needed. */
  readonly signal: AbortSignal
  /** Writes a warning with the exchange's ids. */
  readonly warn: (message: string, fields: Record<string, unknown>) => void
  /** The exchange's path as logs may show it. */
  readonly shownPath: () => string
}

type Side = 'request' | 'response'

/** The redaction of one exchange: its verdicts, its refusals and its notes. */
export class RedactionRun {
  readonly facts: ExchangeFacts
  readonly terms: RedactionTerms
  readonly ports: RedactionPorts
  readonly record: InspectionRecord = {}
  /** The values behind the request's placeholders, so that the response can restore them. */
  restore: ReadonlyMap<string, string> | undefined

  constructor(facts: ExchangeFacts, terms: RedactionTerms, ports: RedactionPorts) {
    this.facts = facts
    this.terms = terms
    this.ports = ports
  }

  /** Runs the inspection. @throws Error when it is not done in time, or the exchange was broken off */
  async judge(content: Omit<InspectionContent, 'organizationId' | 'workspaceId'>): Promise<InspectionResult> {
    const { organizationId, workspaceId } = this.facts.caller
    const { inspector, signal } = this.ports
    return await inspector.judge({ ...content, organizationId, workspaceId }, signal)
  }

  /** Judges content that the policy must see. @throws GatewayError `pii_unavailable` when it is not done in time */
  async requireVerdict(bytes: Uint8Array, mediaType: string, reversible: boolean): Promise<InspectionResult> {
    try {
      return await this.judge({ bytes, mediaType, reversible })
    } catch (error) {
      if (this.ports.signal.aborted) throw error
      const reason = error instanceof Error ? error.message : String(error)
      const message = 'request denied by pii guardrail policy uncertainty'
      throw this.denied('pii_unavailable', message, {}, reason)
    }
  }

  /** What was found. @throws GatewayError when there is content that cannot be seen, and such may not pass */
  found(side: Side, verdict: BodyVerdict): Counts {
    const { uninspectable } = this.ports.inspector.redaction.settings
    if (verdict.kind === 'judged' && (verdict.uninspectable === 0 || uninspectable === 'allow'))
      return verdict.counts
    if (uninspectable === 'allow') return {}
    const reason =
      verdict.kind === 'judged'
        ? 'it holds what cannot be looked into: images, audio or files'
        : verdict.reason
    const counts = verdict.kind === 'judged' ? verdict.counts : {}
    this.record[side] = { decision: 'denied', counts, reason }
    const code = side === 'request' ? 'content_uninspectable' : 'response_uninspectable'
    throw this.denied(code, `${side} denied by pii policy: ${reason}`, counts, reason)
  }

  /** The refusal, after it was logged. @param error why the policy could not decide; absent when it matched something */
  denied(code: GatewayErrorCode, message: string, counts: Counts, error?: string): GatewayError {
    const { facts, terms, ports } = this
    const { organizationId, workspaceId, keyId } = facts.caller
    ports.warn('pii guardrail denied request', {
      mode: terms.mode.name,
      reason: error === undefined ? 'pii_detected' : 'policy_evaluation_failed',
      method: facts.method,
      path: ports.shownPath(),
      org_id: organizationId,
      workspace_id: workspaceId,
      ...(keyId === '' ? {} : { key_id: keyId }),
      ...(Object.keys(counts).length > 0 ? { redaction_counts: counts } : {}),
      ...(error === undefined ? {} : { error }),
    })
    return new GatewayError(code, message)
  }
}

/** Content as it is inspected. */
export interface PlainContent {
  readonly bytes: Uint8Array
  /** Why these bytes may not be what the other side reads; empty when they are. */
  readonly reason: string
}

/** Removes a content coding. Content that is not in its declared coding is inspected as it came. */
export function plainContent(
  content: Uint8Array,
  codings: string,
  maxBytes: number,
): PlainContent | 'too_large' {
  const coding = codingOf(codings)
  if (coding === 'identity') return { bytes: content, reason: '' }
  const decoded = coding === 'unknown' ? 'invalid' : decodeUpTo(content, coding, maxBytes)
  if (decoded === 'too_large') return decoded
  if (decoded !== 'invalid') return { bytes: decoded, reason: '' }
  return { bytes: content, reason: `content in the coding ${codings.slice(0, 64)} cannot be looked into` }
}

/** Parts of content that could not be looked into. */
export function uninspectableIn(verdict: BodyVerdict, { reason }: PlainContent): number {
  if (verdict.kind === 'uninspectable') return 1
  return verdict.uninspectable + (reason === '' ? 0 : 1)
}
