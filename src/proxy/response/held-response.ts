import { declaredFraming, declaredOpaque, readContentType } from '../../redaction/body-kind.ts'
import { BodyStart, type BodyTaking } from '../../redaction/body-start.ts'
import { codingOf } from '../../wire/framing/content-decoder.ts'
import { broken, brokenInPolicy } from '../exchange/broken.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ResponseHead, StreamFilter } from '../policies/content-policy.ts'
import type { ResponsePolicies } from './response-policies.ts'
import { resumed } from './resumed.ts'

/**
 * Whether a response that must be seen is a stream by its declared type: its head goes to the client before the beginning of its content
 * has come.
 *
 * @throws GatewayError when a policy cannot look into it by its declared type, and such may not pass
 */
export function declaresStream(
  { status, fields, facts }: ResponseHead,
  exchange: OpenExchange,
  policies: ResponsePolicies,
): boolean {
  // No range was requested: a match may begin or end outside of it.
  const reason =
    status === 206
      ? 'it is a part of an answer'
      : declaredOpaque(readContentType(String(fields['content-type'] ?? '')))
  if (reason !== '' && !policies.passUnseen) {
    exchange.abort.abort()
    policies.unseen(reason)
  }
  return declaredFraming(facts.mediaType) !== undefined && codingOf(facts.codings) === 'identity'
}

/** A response whose beginning has shown how to handle it. */
export interface BegunResponse {
  /** It is not a stream: it can be judged once it is complete. */
  readonly whole: boolean
  readonly body: AsyncIterable<Uint8Array>
  readonly filters: readonly StreamFilter[]
}

/** Reads as much of a response as shows what it is. The returned body includes those bytes. */
export async function beginResponse(
  content: ReadableStream<Uint8Array>,
  head: ResponseHead,
  exchange: OpenExchange,
  policies: ResponsePolicies,
): Promise<BegunResponse> {
  const { mediaType, codings } = head.facts
  const body = content[Symbol.asyncIterator]()
  const start = new BodyStart(mediaType)
  const shows = codingOf(codings) === 'identity' && !mediaType.startsWith('multipart/')
  let taking: BodyTaking | undefined = shows ? undefined : 'whole'
  while (!taking) {
    const { done, value } = await nextChunk(body, exchange)
    taking = done ? start.end() : start.write(value)
    if (start.length > policies.maxBytes) taking ??= 'whole'
  }
  const response = { body: resumed(start.pieces, body) }
  if (taking === 'binary' && policies.passUnseen) {
    policies.unseen('it is binary')
    return { ...response, whole: false, filters: [] }
  }
  return taking === 'whole' || taking === 'binary'
    ? { ...response, whole: true, filters: [new WholeFilter(head, policies)] }
    : { ...response, whole: false, filters: policies.filters(head, taking) }
}

/**
 * Holds a response until it is complete, then judges it.
 *
 * @returns what is passed on and whether it was changed. A response that is larger than can be held, and may pass as it comes, comes back
 * as a stream
 * @throws GatewayError when a policy refuses it
 */
export async function judgeWhole(
  { body }: BegunResponse,
  head: ResponseHead,
  exchange: OpenExchange,
  policies: ResponsePolicies,
): Promise<{ readonly content: Uint8Array; readonly changed: boolean } | AsyncIterable<Uint8Array>> {
  const most = policies.maxBytes
  const chunks: Uint8Array[] = []
  let size = 0
  const rest = body[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await nextChunk(rest, exchange)
    if (done) break
    chunks.push(value)
    size += value.length
    if (size <= most) continue
    if (!policies.passUnseen) {
      exchange.responseContent = Buffer.concat(chunks)
      exchange.responseBytes = size
      exchange.abort.abort()
    }
    policies.unseen(tooLarge(most))
    return resumed(chunks, rest)
  }
  const content = Buffer.concat(chunks)
  exchange.responseContent = content
  exchange.responseBytes = content.length
  try {
    const judged = await policies.apply(content, head)
    return { content: judged, changed: judged !== content }
  } catch (error) {
    throw brokenInPolicy(exchange, error)
  }
}

/** Removes the fields that describe the original bytes. */
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

/** Holds a response that was declared a stream and is not, until it can be judged as a whole. */
class WholeFilter implements StreamFilter {
  readonly #head: ResponseHead
  readonly #policies: ResponsePolicies
  #chunks: Uint8Array[] = []
  #size = 0
  #passing = false

  constructor(head: ResponseHead, policies: ResponsePolicies) {
    this.#head = head
    this.#policies = policies
  }

  write(chunk: Uint8Array): Uint8Array {
    if (this.#passing) return chunk
    const most = this.#policies.maxBytes
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size <= most) return EMPTY
    this.#policies.unseen(tooLarge(most))
    this.#passing = true
    return Buffer.concat(this.#chunks.splice(0))
  }

  async end(): Promise<Uint8Array> {
    return this.#passing ? EMPTY : this.#policies.apply(Buffer.concat(this.#chunks), this.#head)
  }
}

const EMPTY = new Uint8Array(0)

function tooLarge(most: number): string {
  return `it is larger than ${most} bytes`
}

async function nextChunk(
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
