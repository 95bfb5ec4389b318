import type { GatewayError } from '../../errors.ts'
import { readResponse } from '../../providers/apis/read-response.ts'
import { emptyReading, type Reading, type WireApi } from '../../providers/apis/wire-api.ts'
import type { AttemptCause } from '../../traces/exchange.ts'
import type { ModelUsage } from '../../usage/usage.ts'
import { codingOf } from '../../wire/framing/content-decoder.ts'
import type { JsonObject } from '../../wire/json/values.ts'
import { broken } from '../exchange/broken.ts'
import { BUFFERED_BYTES } from '../exchange/buffered-bytes.ts'
import { contentFacts } from '../exchange/exchange-facts.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import { causeOfCode } from '../exchange/open-attempt.ts'
import { resumed } from '../response/resumed.ts'
import { causeOf, objectIn } from '../targets/judge-response.ts'
import { StreamBeginning, type StreamFraming } from '../targets/stream-beginning.ts'

/** A response that was judged before any of it was passed on. */
export interface JudgedResponse {
  readonly cause: AttemptCause
  /** The same response, from its first byte; `undefined` when it broke off. */
  readonly response: Response | undefined
  /** All of its content, when that was read; `response` has none then. */
  readonly content?: ArrayBuffer | undefined
  /** Why it broke off. */
  readonly error: GatewayError | undefined
  /** The object that reports the failure; `undefined` without one. */
  readonly object: JsonObject | undefined
  /** What was reported before it failed. */
  readonly reading: Reading
}

/** Of a failed response, so much is read to judge it. */
const JUDGED_BYTES = 64 * 1024

/** Media types of streams, and how they are divided. */
const FRAMINGS: Readonly<Record<string, StreamFraming>> = {
  'text/event-stream': 'sse',
  'application/x-ndjson': 'objects',
  'application/vnd.amazon.eventstream': 'aws',
}

/**
 * Judges a response by its status and its content. Of a good response, a stream is held up to its first content, and a small one until it is
 * complete.
 *
 * @param holdBytes of a stream; 0 to judge only responses that failed by their status
 */
export async function judgeResponse(
  response: Response,
  exchange: OpenExchange,
  api: WireApi | undefined,
  holdBytes: number,
): Promise<JudgedResponse> {
  const { headers } = response
  const fields = {
    'content-type': headers.get('content-type') ?? '',
    'content-encoding': headers.get('content-encoding') ?? '',
  }
  const facts = contentFacts(fields)
  const readable = response.body !== null && codingOf(facts.codings) === 'identity'
  const asItIs = {
    cause: 'ok',
    response,
    error: undefined,
    object: undefined,
    reading: emptyReading(),
  } as const
  const judged = (text: string, object?: JsonObject): AttemptCause =>
    causeOf({ status: response.status, text, object }, exchange.target.upstream.retryOn)
  if (!readable) return { ...asItIs, cause: judged('') }
  exchange.clock.enter('body')
  try {
    if (response.status >= 400) {
      const { text, again } = await beginningOf(response, exchange, JUDGED_BYTES)
      const object = objectIn(text)
      const reading = emptyReading()
      if (api && object) readResponse(api, reading, object)
      return { cause: judged(text, object), response: again, error: undefined, object, reading }
    }
    if (holdBytes === 0) return asItIs
    const framing = FRAMINGS[facts.mediaType]
    if (framing)
      return api
        ? await judgeStream(response, exchange, new StreamBeginning(api, framing, holdBytes))
        : asItIs
    const length = Number(headers.get('content-length') ?? -1)
    if (length < 0 || length > BUFFERED_BYTES) return asItIs
    return await judgeWhole(response, judged)
  } catch (error) {
    const failure = broken(exchange, error, 'upstream_aborted', 'upstream request failed')
    return {
      ...asItIs,
      cause: causeOfCode(failure.code) ?? 'client_aborted',
      response: undefined,
      error: failure,
    }
  }
}

/** Bills of what was reported before a failure. */
export function billsOf(api: WireApi | undefined, reading: Reading): readonly ModelUsage[] {
  if (!api || (!reading.usage && reading.bills.length === 0)) return []
  return api.meter(reading, [])
}

/** Reads up to so many bytes. @returns them as text, and the response from its first byte */
async function beginningOf(
  response: Response,
  { clock }: OpenExchange,
  most: number,
): Promise<{ readonly text: string; readonly again: Response }> {
  const rest = response.body![Symbol.asyncIterator]()
  const pieces: Uint8Array[] = []
  let size = 0
  while (size < most) {
    const { done, value } = await rest.next()
    if (done) {
      const content = Buffer.concat(pieces)
      return { text: content.toString('utf8'), again: sameHead(response, content) }
    }
    clock.phaseAt = performance.now()
    pieces.push(value)
    size += value.length
  }
  return { text: Buffer.concat(pieces).toString('utf8'), again: sameHead(response, resumed(pieces, rest)) }
}

async function judgeWhole(
  response: Response,
  judged: (text: string, object?: JsonObject) => AttemptCause,
): Promise<JudgedResponse> {
  const content = await response.arrayBuffer()
  const bytes = Buffer.from(content)
  // Most have no error, and are not parsed.
  const text = bytes.includes('"error"') ? bytes.toString('utf8') : ''
  const object = text === '' ? undefined : objectIn(text)
  return {
    cause: judged(text, object),
    response,
    content,
    error: undefined,
    object,
    reading: emptyReading(),
  }
}

async function judgeStream(
  response: Response,
  exchange: OpenExchange,
  beginning: StreamBeginning,
): Promise<JudgedResponse> {
  const rest = response.body![Symbol.asyncIterator]()
  const pieces: Uint8Array[] = []
  const { reading } = beginning
  const again = (): Response => sameHead(response, resumed(pieces, rest))
  for (;;) {
    let next: IteratorResult<Uint8Array, unknown>
    try {
      next = await rest.next()
    } catch (error) {
      const failure = broken(exchange, error, 'upstream_aborted', 'upstream request failed')
      const cause = causeOfCode(failure.code) ?? 'client_aborted'
      return { cause, response: undefined, error: failure, object: undefined, reading }
    }
    exchange.clock.phaseAt = performance.now()
    if (!next.done) pieces.push(next.value)
    const state = next.done ? beginning.end() : beginning.write(next.value)
    if (state === 'held') continue
    const object = beginning.failure
    if (state === 'passes') return { cause: 'ok', response: again(), error: undefined, object, reading }
    const { retryOn } = exchange.target.upstream
    const seen = { status: response.status, text: object ? JSON.stringify(object) : '', object }
    const cause = object ? causeOf(seen, retryOn) : 'truncated'
    return { cause, response: again(), error: undefined, object, reading }
  }
}

/** The response with content that was read already. */
function sameHead(
  { status, statusText, headers }: Response,
  content: Uint8Array<ArrayBuffer> | AsyncGenerator<Uint8Array>,
): Response {
  return new Response(content as Bun.BodyInit, { status, statusText, headers })
}
