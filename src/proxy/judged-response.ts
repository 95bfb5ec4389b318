import { declaredFraming, declaredOpaque, readContentType } from '../redaction/body-kind.ts'
import { BodyStart, type BodyTaking } from '../redaction/body-start.ts'
import { codingOf } from '../wire/framing/content-decoder.ts'
import { broken } from './broken.ts'
import type { StreamFilter } from './event-filter.ts'
import { guardResponse, plainContent, requireInspectable } from './guard.ts'
import { MAX_INSPECTED_BYTES } from './inspect.ts'
import type { OpenExchange } from './open-exchange.ts'
import type { ProxyContext } from './proxy-context.ts'
import { resumed } from './resumed.ts'
import { eventFilters } from './stream-filters.ts'

/** Whether a policy, or placeholders to be put back, need to see the answer; else it passes untouched. */
export function mustSeeResponse({ guard, restore }: OpenExchange): boolean {
  return restore !== undefined || (guard !== undefined && guard.response !== 'pass')
}

/**
 * Whether an answer that must be seen is a stream by its declared type: its head goes to the client before the beginning of its content
 * has come.
 *
 * @throws GatewayError when the policy cannot look into it by its declared type, and such may not pass
 */
export function declaresStream(exchange: OpenExchange, status: number, context: ProxyContext): boolean {
  const { responseFacts, responseFields } = exchange
  // No range was asked for: a find may begin or end outside of it.
  const reason =
    status === 206
      ? 'it is a part of an answer'
      : declaredOpaque(readContentType(String(responseFields['content-type'] ?? '')))
  if (reason !== '' && !mayPassUnseen(exchange, context)) {
    exchange.abort.abort()
    requireInspectable(exchange, reason, context)
  }
  return (
    declaredFraming(responseFacts.mediaType) !== undefined && codingOf(responseFacts.codings) === 'identity'
  )
}

/** An answer whose beginning has told how it is to be taken. */
export interface BegunResponse {
  /** It is no stream: it can be judged once all of it has come. */
  readonly whole: boolean
  readonly body: AsyncIterable<Uint8Array>
  readonly filters: readonly StreamFilter[]
}

/** Reads as much of an answer as tells what it is. What was read is part of the body that is returned. */
export async function beginResponse(
  content: ReadableStream<Uint8Array>,
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<BegunResponse> {
  const { mediaType, codings } = exchange.responseFacts
  const body = content[Symbol.asyncIterator]()
  const start = new BodyStart(mediaType)
  const tells = codingOf(codings) === 'identity' && !mediaType.startsWith('multipart/')
  let taking: BodyTaking | undefined = tells ? undefined : 'whole'
  while (!taking) {
    const { done, value } = await nextPiece(body, exchange)
    taking = done ? start.end() : start.write(value)
    if (start.length > mostOf(exchange)) taking ??= 'whole'
  }
  const answer = { body: resumed(start.pieces, body) }
  if (taking === 'binary' && mayPassUnseen(exchange, context)) {
    noteUnseen(exchange)
    return { ...answer, whole: false, filters: [] }
  }
  return taking === 'whole' || taking === 'binary'
    ? { ...answer, whole: true, filters: [new WholeFilter(exchange, context)] }
    : { ...answer, whole: false, filters: eventFilters(exchange, context, taking) }
}

/**
 * Passes an answer on when it has come whole and the policy has seen it.
 *
 * @returns an answer that is larger than can be held, and may pass as it comes, as such
 * @throws GatewayError when the policy refuses it
 */
export async function passJudged(
  { body }: BegunResponse,
  head: { readonly status: number; readonly statusText: string; readonly headers: Headers },
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<Response | AsyncIterable<Uint8Array>> {
  const most = mostOf(exchange)
  const pieces: Uint8Array[] = []
  let size = 0
  const rest = body[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await nextPiece(rest, exchange)
    if (done) break
    pieces.push(value)
    size += value.length
    if (size <= most) continue
    if (mayPassUnseen(exchange, context)) {
      noteUnseen(exchange)
      return resumed(pieces, rest)
    }
    exchange.responseContent = Buffer.concat(pieces)
    exchange.responseBytes = size
    exchange.abort.abort()
    requireInspectable(exchange, tooLarge(most), context)
  }
  const content = Buffer.concat(pieces)
  exchange.responseContent = content
  exchange.responseBytes = content.length
  const judged = await judgeResponse(content, exchange, context)
  if (judged !== content) forgetBytes(head.headers)
  head.headers.delete('content-length')
  exchange.status = head.status
  exchange.end('completed')
  return new Response(judged as Uint8Array<ArrayBuffer>, head)
}

/** Takes out the fields that speak of the very bytes that came. */
export function forgetBytes(headers: Headers): void {
  for (const name of OF_THE_BYTES) headers.delete(name)
}

const OF_THE_BYTES = [
  'content-length',
  'content-encoding',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'etag',
]

/** What is passed on of a whole answer: the same object when nothing of it is changed. */
async function judgeResponse(
  content: Uint8Array,
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<Uint8Array> {
  const { guard, restore, responseFacts, responseFields } = exchange
  const guarded = guard && guard.response !== 'pass' ? guard : undefined
  const plain = plainContent(content, responseFacts.codings, mostOf(exchange))
  if (plain === 'too_large') {
    if (guarded) requireInspectable(exchange, tooLarge(mostOf(exchange)), context)
    noteUnseen(exchange)
    return content
  }
  let judged = guarded ? await guardResponse(exchange, plain, guarded, context) : plain.bytes
  if (restore) {
    const mediaType = String(responseFields['content-type'] ?? '')
    judged = await restored(judged, mediaType, [...restore], exchange, context)
  }
  return judged === plain.bytes ? content : judged
}

/** Content with what its placeholders stand for; as it came where that cannot be told in time. */
async function restored(
  bytes: Uint8Array,
  mediaType: string,
  restore: readonly [string, string][],
  exchange: OpenExchange,
  context: ProxyContext,
): Promise<Uint8Array> {
  const { organizationId, workspaceId } = exchange.caller
  try {
    const { verdict } = await context.settings.inspector!.judge(
      { bytes, mediaType, organizationId, workspaceId, reversible: false, restore },
      exchange.abort.signal,
    )
    return verdict.kind === 'judged' && Object.keys(verdict.counts).length > 0 ? verdict.content : bytes
  } catch (error) {
    if (exchange.brokenBy) throw broken(exchange, error, 'pii_unavailable', 'the exchange was broken off')
    const reason = error instanceof Error ? error.message : String(error)
    context.log('WARN', 'placeholders were not put back', { ...exchange.logFields, reason })
    return bytes
  }
}

/** Holds an answer that was declared a stream and is none, until it can be judged as a whole. */
class WholeFilter implements StreamFilter {
  readonly #exchange: OpenExchange
  readonly #context: ProxyContext
  #pieces: Uint8Array[] = []
  #size = 0
  #passing = false

  constructor(exchange: OpenExchange, context: ProxyContext) {
    this.#exchange = exchange
    this.#context = context
  }

  write(chunk: Uint8Array): Uint8Array {
    if (this.#passing) return chunk
    const most = mostOf(this.#exchange)
    this.#pieces.push(chunk)
    this.#size += chunk.length
    if (this.#size <= most) return EMPTY
    if (!mayPassUnseen(this.#exchange, this.#context))
      requireInspectable(this.#exchange, tooLarge(most), this.#context)
    noteUnseen(this.#exchange)
    this.#passing = true
    return Buffer.concat(this.#pieces.splice(0))
  }

  async end(): Promise<Uint8Array> {
    if (this.#passing) return EMPTY
    return judgeResponse(Buffer.concat(this.#pieces), this.#exchange, this.#context)
  }
}

const EMPTY = new Uint8Array(0)

/** Whether what cannot be seen of an answer may pass. Placeholders in it stay then. */
function mayPassUnseen({ guard }: OpenExchange, { settings }: ProxyContext): boolean {
  const guarded = guard !== undefined && guard.response !== 'pass'
  return !guarded || settings.inspector!.redaction.settings.uninspectable === 'allow'
}

function noteUnseen(exchange: OpenExchange): void {
  if (exchange.guard && exchange.guard.response !== 'pass')
    exchange.inspection.response = { decision: 'passed', counts: {}, uninspectable: 1 }
}

function mostOf({ guard }: OpenExchange): number {
  return guard?.maxBytes ?? MAX_INSPECTED_BYTES
}

function tooLarge(most: number): string {
  return `it is larger than ${most} bytes`
}

async function nextPiece(
  body: AsyncIterator<Uint8Array>,
  exchange: OpenExchange,
): Promise<IteratorResult<Uint8Array, unknown>> {
  try {
    const next = await body.next()
    exchange.clock.phaseAt = performance.now()
    return next
  } catch (error) {
    throw broken(exchange, error, 'upstream_aborted', 'upstream request failed')
  }
}
