import { readPath } from '../http/path-readings.ts'
import { judgeBody } from '../redaction/bodies.ts'
import { applyEdits, countEdits, type Counts } from '../redaction/edits.ts'
import { redactPath } from '../redaction/paths.ts'
import type { Redaction } from '../redaction/redaction.ts'
import { wholeCharacters } from '../redaction/text-bytes.ts'
import { judgeText, type TextRules } from '../redaction/text-rules.ts'
import type { CapturedBody, ContentReading } from './content-reading.ts'
import type { Exchange } from './exchange.ts'

/** What of an exchange's content is stored, as the policy wants it. */
export interface StoredContent {
  readonly request: Uint8Array | null
  readonly response: Uint8Array | null
  readonly path: string
  /** Other texts of the exchange, as they are stored. */
  text(value: string): string
  /** What was decided, under the contract's keys. */
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Makes the copies that are stored of what passed. Whatever goes wrong drops what it goes wrong with, and nothing else. */
export function storedContent(
  exchange: Exchange,
  content: ContentReading,
  redaction: Redaction,
): StoredContent {
  const { caller, wire, inspection } = exchange
  const { settings, scopes } = redaction
  const { mode, policyId } = scopes.resolve({
    ...caller,
    provider: wire.provider,
    route: readPath(exchange.path).loose,
  })
  const counts: Counts = {}
  const dropped: Record<string, string> = {}
  const rules = mode.storage ? redaction.rulesOf(caller) : undefined
  const side = (
    name: 'request' | 'response',
    body: CapturedBody | undefined,
    on: boolean,
  ): Uint8Array | null => {
    if (!body || body.bytes.length === 0) return null
    if (!rules || !on) return body.bytes
    const judged = redactedBody(body, mediaTypeOf(exchange, name), rules, settings.uninspectable === 'allow')
    if (typeof judged === 'string') {
      dropped[name] = judged
      return null
    }
    add(counts, judged.counts)
    return judged.content
  }
  const request = side('request', content.requestBody, settings.requestBody)
  const response = side('response', content.responseBody, settings.responseBody)
  const { path, edits } = rules ? redactPath(exchange.path, rules) : { path: exchange.path, edits: [] }
  countEdits(edits, counts)
  const truncated = (body: CapturedBody | undefined): boolean => body?.truncated === true
  const looked = [inspection?.request, inspection?.response].filter((one) => one !== undefined)
  // Where no copies are kept, what was found on the way is all that is known.
  if (!content.requestBody && !content.responseBody) for (const one of looked) add(counts, one.counts)
  const applied = Object.keys(counts).length > 0
  return {
    request,
    response,
    path,
    text: (value) => (rules ? applyEdits(value, judgeText(value, rules)) : value),
    metadata: {
      redaction_mode: mode.name,
      redaction_policy_id: policyId,
      redaction_applied: applied,
      ...(applied ? { redaction_counts: counts } : {}),
      ...(rules &&
      ((settings.requestBody && truncated(content.requestBody)) ||
        (settings.responseBody && truncated(content.responseBody)))
        ? { redaction_truncated: true }
        : {}),
      ...(Object.keys(dropped).length > 0
        ? {
            redaction_storage_drop: true,
            redaction_failure_semantics: 'storage_drop_continue_proxy',
            redaction_dropped: dropped,
          }
        : {}),
      ...(inspection ? { redaction_inspection: inspection } : {}),
      ...(truncated(content.requestBody) ? { request_body_truncated: true } : {}),
      ...(truncated(content.responseBody) ? { response_body_truncated: true } : {}),
    },
  }
}

/** A body as it is stored; a text says why it is not. */
function redactedBody(
  { bytes, truncated }: CapturedBody,
  mediaType: string,
  rules: TextRules,
  allowsUninspectable: boolean,
): { readonly content: Uint8Array; readonly counts: Counts } | string {
  try {
    const verdict = judgeBody(truncated ? wholeCharacters(bytes) : bytes, mediaType, rules, truncated)
    if (verdict.kind === 'judged') {
      if (verdict.uninspectable === 0 || allowsUninspectable || mediaType !== 'multipart/form-data')
        return verdict
      return 'a part of the form cannot be looked into'
    }
    return allowsUninspectable ? { content: bytes, counts: {} } : verdict.reason
  } catch (error) {
    return `redaction failed: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** A WebSocket's messages are kept one in a line. */
function mediaTypeOf({ status, request, response }: Exchange, side: 'request' | 'response'): string {
  if (status === 101) return 'application/x-ndjson'
  return (side === 'request' ? request : response).mediaType
}

function add(sum: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count
}
