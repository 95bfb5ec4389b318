import { GatewayError, type GatewayErrorCode } from '../errors.ts'
import type { BodyVerdict } from '../redaction/bodies.ts'
import { countEdits, type Counts } from '../redaction/edits.ts'
import type { ResolvedMode } from '../redaction/scopes.ts'
import { judgeTarget } from '../redaction/targets.ts'
import type { SideInspection } from '../traces/exchange.ts'
import { codingOf, decodeUpTo } from '../wire/framing/content-decoder.ts'
import { broken } from './broken.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'

/** What a policy does with what passes. */
export interface Guard extends ResolvedMode {
  readonly request: 'redact' | 'block' | 'pass'
  readonly response: 'redact' | 'block' | 'pass'
  readonly maxBytes: number
}

/** The policy that looks at an exchange on its way; `undefined` when none does. */
export function guardOf(
  { caller, wire, readings }: OpenExchange,
  { settings }: ProxyContext,
): Guard | undefined {
  const redaction = settings.inspector?.redaction
  if (!redaction?.scopes.guards) return undefined
  const { requestBody, responseBody, maxInspectBytes } = redaction.settings
  const resolved = redaction.scopes.resolve({
    ...caller,
    provider: wire.provider,
    route: readings.loose,
  })
  const request = requestBody ? resolved.mode.request : 'pass'
  const response = responseBody ? resolved.mode.response : 'pass'
  if (request === 'pass' && response === 'pass') return undefined
  return { ...resolved, request, response, maxBytes: maxInspectBytes }
}

/**
 * Looks through a request's target. It is sent as it came, because another one would ask for something else: where a find is refused, it
 * must hold none.
 *
 * @throws GatewayError when the policy refuses it
 */
export function guardTarget(exchange: OpenExchange, guard: Guard, context: ProxyContext): void {
  if (guard.request !== 'block') return
  const rules = context.settings.inspector!.redaction.rulesOf(exchange.caller)
  const counts: Counts = {}
  countEdits(judgeTarget(exchange.path, exchange.query, rules), counts)
  if (Object.keys(counts).length === 0) return
  exchange.inspection.request = { decision: 'blocked', counts }
  throw denied(exchange, 'pii_blocked', 'request blocked by pii policy', context, counts)
}

/**
 * Shows a request's content to the policy.
 *
 * @returns what is to be sent; the same object when that is what came
 * @throws GatewayError when the policy refuses it, or cannot tell
 */
export async function guardRequest(
  exchange: OpenExchange,
  content: Uint8Array,
  guard: Guard,
  context: ProxyContext,
): Promise<Uint8Array> {
  if (guard.request === 'pass' || content.length === 0) return content
  if (content.length > guard.maxBytes) throw tooLarge(exchange, guard, context)
  const plain = plainContent(content, exchange.requestFacts.codings, guard.maxBytes)
  if (plain === 'too_large') throw tooLarge(exchange, guard, context)
  if (plain.reason !== '') {
    allowed(exchange, { kind: 'uninspectable', reason: plain.reason }, 'request', context)
  }
  const declared = exchange.fields['content-type'] ?? ''
  const { verdict, values } = await judged(exchange, plain.bytes, declared, guard, context)
  const counts = allowed(exchange, verdict, 'request', context)
  const found = Object.keys(counts).length > 0
  const uninspectable = uninspectableIn(verdict, plain)
  const note = (decision: SideInspection['decision']): void => {
    exchange.inspection.request = { decision, counts, ...(uninspectable > 0 ? { uninspectable } : {}) }
  }
  if (found && guard.request === 'block') {
    note('blocked')
    throw denied(exchange, 'pii_blocked', 'request blocked by pii policy', context, counts)
  }
  note(found ? 'redacted' : 'passed')
  if (!found || verdict.kind !== 'judged') return content
  if (values.length > 0) exchange.restore = new Map(values)
  return verdict.content
}

/**
 * The verdict on an answer that came whole.
 *
 * @returns what is to be passed on, without content coding; the same bytes when that is what came
 * @throws GatewayError when the policy refuses it, or cannot tell
 */
export async function guardResponse(
  exchange: OpenExchange,
  plain: PlainContent,
  guard: Guard,
  context: ProxyContext,
): Promise<Uint8Array> {
  if (plain.reason !== '') requireInspectable(exchange, plain.reason, context)
  const declared = String(exchange.responseFields['content-type'] ?? '')
  const { verdict } = await judged(exchange, plain.bytes, declared, guard, context, false)
  const counts = allowed(exchange, verdict, 'response', context)
  const found = Object.keys(counts).length > 0
  const uninspectable = uninspectableIn(verdict, plain)
  const blocked = found && guard.response === 'block'
  exchange.inspection.response = {
    decision: blocked ? 'blocked' : found ? 'redacted' : 'passed',
    counts,
    ...(uninspectable > 0 ? { uninspectable } : {}),
  }
  if (blocked) throw denied(exchange, 'response_blocked', 'response blocked by pii policy', context, counts)
  return found && verdict.kind === 'judged' ? verdict.content : plain.bytes
}

/** Content as it is looked through. */
export interface PlainContent {
  readonly bytes: Uint8Array
  /** Why these bytes may not be what the other side reads; empty when they are. */
  readonly reason: string
}

/** Takes off a content coding. Content that is not in the coding that it claims is looked through as it came. */
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

function uninspectableIn(verdict: BodyVerdict, { reason }: PlainContent): number {
  if (verdict.kind === 'uninspectable') return 1
  return verdict.uninspectable + (reason === '' ? 0 : 1)
}

/** An answer that the policy cannot look into. @throws GatewayError unless such may pass */
export function requireInspectable(exchange: OpenExchange, reason: string, context: ProxyContext): void {
  allowed(exchange, { kind: 'uninspectable', reason }, 'response', context)
}

/** Content that is larger than the policy looks at. */
export function tooLarge(exchange: OpenExchange, { maxBytes }: Guard, context: ProxyContext): GatewayError {
  const message = `request body exceeds pii inspection limit (${maxBytes} bytes)`
  exchange.inspection.request = { decision: 'denied', counts: {}, reason: message }
  return denied(exchange, 'request_body_too_large', message, context, {}, message)
}

async function judged(
  exchange: OpenExchange,
  bytes: Uint8Array,
  mediaType: string,
  guard: Guard,
  context: ProxyContext,
  reversible = guard.request === 'redact' && context.settings.inspector!.redaction.settings.reversible,
): Promise<{ verdict: BodyVerdict; values: readonly (readonly [string, string])[] }> {
  const { organizationId, workspaceId } = exchange.caller
  try {
    return await context.settings.inspector!.judge(
      { bytes, mediaType, organizationId, workspaceId, reversible },
      exchange.abort.signal,
    )
  } catch (error) {
    if (exchange.brokenBy) throw broken(exchange, error, 'pii_unavailable', 'the exchange was broken off')
    const reason = error instanceof Error ? error.message : String(error)
    const message = 'request denied by pii guardrail policy uncertainty'
    throw denied(exchange, 'pii_unavailable', message, context, {}, reason)
  }
}

/** What was found, where content that cannot be looked into may pass, or there is none. */
function allowed(
  exchange: OpenExchange,
  verdict: BodyVerdict,
  side: 'request' | 'response',
  context: ProxyContext,
): Readonly<Record<string, number>> {
  const { uninspectable } = context.settings.inspector!.redaction.settings
  if (verdict.kind === 'judged' && (verdict.uninspectable === 0 || uninspectable === 'allow'))
    return verdict.counts
  if (uninspectable === 'allow') return {}
  const reason =
    verdict.kind === 'judged' ? 'it holds what cannot be looked into: images, audio or files' : verdict.reason
  const counts = verdict.kind === 'judged' ? verdict.counts : {}
  exchange.inspection[side] = { decision: 'denied', counts, reason }
  const code = side === 'request' ? 'content_uninspectable' : 'response_uninspectable'
  throw denied(exchange, code, `${side} denied by pii policy: ${reason}`, context, counts, reason)
}

/** The refusal, after it was told to the log. */
function denied(
  exchange: OpenExchange,
  code: GatewayErrorCode,
  message: string,
  context: ProxyContext,
  counts: Readonly<Record<string, number>>,
  error?: string,
): GatewayError {
  const { organizationId, workspaceId, keyId } = exchange.caller
  context.log('WARN', 'pii guardrail denied request', {
    ...exchange.logFields,
    mode: exchange.guard?.mode.name ?? '',
    reason: error === undefined ? 'pii_detected' : 'policy_evaluation_failed',
    method: exchange.method,
    path: exchange.shownPath(),
    org_id: organizationId,
    workspace_id: workspaceId,
    ...(keyId === '' ? {} : { key_id: keyId }),
    ...(Object.keys(counts).length > 0 ? { redaction_counts: counts } : {}),
    ...(error === undefined ? {} : { error }),
  })
  return new GatewayError(code, message)
}
