import { readPath } from '../wire/url/path-readings.ts'
import { judgeBody } from '../redaction/bodies.ts'
import { applyEdits, countEdits, type Counts } from '../redaction/edits.ts'
import { shownPath } from '../redaction/paths.ts'
import type { Redaction } from '../redaction/redaction.ts'
import type { ResolvedMode } from '../redaction/scopes.ts'
import { wholeCharacters } from '../wire/text-bytes.ts'
import { TimeBudget } from '../redaction/time-budget.ts'
import { judgeText, type TextRules } from '../redaction/text-rules.ts'
import { REDACTED, withoutCredentials } from '../redaction/without-credentials.ts'
import type { CapturedBody, ContentReading } from './content-reading.ts'
import type { Exchange } from './exchange.ts'

/**
 * How long the inspection of one stored body may take: a minimum, plus a time per MiB. Other records wait for it. An
 * ordinary MiB takes 20 ms, a hostile one half a second.
 */
const LEAST_BODY_MS = 2000
const MS_PER_MIB = 1000
const MIB = 1024 * 1024

/** The stored content of an exchange, as the policy requires. */
export interface StoredContent {
  readonly request: Uint8Array | null
  readonly response: Uint8Array | null
  readonly path: string
  /** Other texts of the exchange, as they are stored. */
  text(value: string): string
  /** JSON of the exchange, with its texts as they are stored. */
  json<Value>(value: Value): Value
  /** Adds what was decided to a trace's metadata, under the contract's keys. */
  describe(metadata: Record<string, unknown>): void
}

/**
 * Makes the stored copies of the content. A part that fails, or takes too long, is dropped alone.
 *
 * @param keys provider credentials, which some providers repeat in their errors
 * @param now a clock in milliseconds
 */
export function storedContent(
  exchange: Exchange,
  content: ContentReading,
  redaction: Redaction,
  keys: readonly string[],
  now = (): number => performance.now(),
): StoredContent {
  const { caller, wire, inspection } = exchange
  const { settings, scopes } = redaction
  const { mode, policyId } =
    scopes.everywhere ??
    scopes.resolve({ ...caller, provider: wire.provider, route: readPath(exchange.path).loose })
  const repeated = keys.filter((key) => key.length >= MIN_KEY_LENGTH)
  const counts: Counts = {}
  const dropped: Record<string, string> = {}
  const rules = mode.storage ? redaction.rulesOf(caller) : undefined
  const side = (
    name: 'request' | 'response',
    body: CapturedBody | undefined,
    on: boolean,
  ): Uint8Array | null => {
    if (!body || body.bytes.length === 0) return null
    const bytes = repeated.reduce(withoutKey, body.bytes)
    if (!rules || !on) return bytes
    const judged = redactedBody(
      { ...body, bytes },
      mediaTypeOf(exchange, name),
      {
        ...rules,
        budget: new TimeBudget(Math.max(LEAST_BODY_MS, (bytes.length / MIB) * MS_PER_MIB), now),
      },
      settings.uninspectable === 'allow',
    )
    if (typeof judged === 'string') {
      dropped[name] = judged
      return null
    }
    add(counts, judged.counts)
    return judged.content
  }
  const request = side('request', content.requestBody, settings.requestBody)
  const response = side('response', content.responseBody, settings.responseBody)
  const { path, edits } = shownPath(exchange.path, rules)
  if (edits.length > 0) countEdits(edits, counts)
  const text = textsBy(rules, repeated)
  // Without stored copies, only what was found in transit is known.
  if (inspection && !content.requestBody && !content.responseBody) {
    if (inspection.request) add(counts, inspection.request.counts)
    if (inspection.response) add(counts, inspection.response.counts)
  }
  return {
    request,
    response,
    path,
    text,
    json: (value) => withTexts(value, text) as typeof value,
    describe: (metadata) =>
      describe(metadata, content, inspection, redaction, { mode, policyId, counts, dropped }),
  }
}

/** How texts are stored. @param rules `undefined` where the policy leaves them as they are */
function textsBy(rules: TextRules | undefined, keys: readonly string[]): StoredContent['text'] {
  if (!rules) return (value) => (value === '' ? value : withoutCredentials(withoutKeys(value, keys)))
  // A model's name occurs in many places, and inspecting a text by the rules takes microseconds.
  const shown = new Map<string, string>()
  return (value) => {
    const before = shown.get(value)
    if (before !== undefined) return before
    const own = withoutKeys(value, keys)
    const after = withoutCredentials(applyEdits(own, judgeText(own, rules)))
    shown.set(value, after)
    return after
  }
}

/** What was decided of an exchange's content. */
interface Decided extends Pick<ResolvedMode, 'mode' | 'policyId'> {
  readonly counts: Counts
  /** Why a side's body is not stored. */
  readonly dropped: Readonly<Record<string, string>>
}

/** Adds what was decided, under the contract's keys. */
function describe(
  metadata: Record<string, unknown>,
  { requestBody, responseBody }: ContentReading,
  inspection: Exchange['inspection'],
  { settings }: Redaction,
  { mode, policyId, counts, dropped }: Decided,
): void {
  const applied = Object.keys(counts).length > 0
  const cutRequest = requestBody?.truncated === true
  const cutResponse = responseBody?.truncated === true
  const cut = (settings.requestBody && cutRequest) || (settings.responseBody && cutResponse)
  metadata['redaction_mode'] = mode.name
  metadata['redaction_policy_id'] = policyId
  metadata['redaction_applied'] = applied
  if (applied) metadata['redaction_counts'] = counts
  if (mode.storage && cut) metadata['redaction_truncated'] = true
  if (Object.keys(dropped).length > 0) {
    metadata['redaction_storage_drop'] = true
    metadata['redaction_failure_semantics'] = 'storage_drop_continue_proxy'
    metadata['redaction_dropped'] = dropped
  }
  if (inspection) metadata['redaction_inspection'] = inspection
  if (cutRequest) metadata['request_body_truncated'] = true
  if (cutResponse) metadata['response_body_truncated'] = true
}

/** A JSON value with other texts; the same value where none is another. */
function withTexts(value: unknown, text: (value: string) => string): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object' || value === null) return value
  const members = value as Record<string, unknown>
  let changed: Record<string, unknown> | undefined
  for (const name in members) {
    const after = withTexts(members[name], text)
    if (after === members[name]) continue
    changed ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>
    changed[name] = after
  }
  return changed ?? value
}

function withoutKeys(text: string, keys: readonly string[]): string {
  let rest = text
  for (const key of keys) if (rest.length >= key.length) rest = rest.replaceAll(key, REDACTED)
  return rest
}

/** Shorter keys may be ordinary words. */
const MIN_KEY_LENGTH = 16

function withoutKey(bytes: Uint8Array, key: string): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.includes(key)) return bytes
  const latin1 = Buffer.from(key).toString('latin1')
  return Buffer.from(buffer.toString('latin1').replaceAll(latin1, REDACTED), 'latin1')
}

/** A body as stored, or a text that says why it is not. */
function redactedBody(
  { bytes, truncated }: CapturedBody,
  mediaType: string,
  rules: TextRules,
  allowsUninspectable: boolean,
): { readonly content: Uint8Array; readonly counts: Counts } | string {
  try {
    const verdict = judgeBody(truncated ? wholeCharacters(bytes) : bytes, mediaType, rules, truncated)
    if (verdict.kind === 'judged') return verdict
    return allowsUninspectable ? { content: bytes, counts: {} } : verdict.reason
  } catch (error) {
    return `redaction failed: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** The stored content type. A WebSocket's messages are stored one per line. */
function mediaTypeOf(
  { status, requestFields, responseFields }: Exchange,
  side: 'request' | 'response',
): string {
  if (status === 101) return 'application/x-ndjson'
  return String((side === 'request' ? requestFields : responseFields)['content-type'] ?? '')
}

function add(sum: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count
}
