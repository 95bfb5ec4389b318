import type { GatewayError } from '../../errors.ts'
import { readResponse } from '../../providers/apis/read-response.ts'
import { emptyReading, type Reading, type WireApi } from '../../providers/apis/wire-api.ts'
import type { AttemptCause } from '../../traces/exchange.ts'
import type { ModelUsage } from '../../usage/usage.ts'
import { codingOf } from '../../wire/framing/content-decoder.ts'
import { parseObject, type JsonObject } from '../../wire/json/values.ts'
import { broken } from '../exchange/broken.ts'
import { BUFFERED_BYTES } from '../exchange/buffered-bytes.ts'
import { contentFacts } from '../exchange/exchange-facts.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import { causeOfCode } from '../exchange/open-attempt.ts'
import { resumed } from '../response/resumed.ts'
import { causeByRules } from '../targets/cause-by-rules.ts'
import { STREAM_FRAMINGS, StreamBeginning } from '../targets/stream-beginning.ts'

/** A response that was judged before any of it was passed on. */
export interface JudgedResponse {
  readonly cause: AttemptCause
  /** The same response, from its first byte; `undefined` when it broke off. */
  readonly response: Response | undefined
  /** All of its content, when that was read; `response` has none then. */
  readonly content?: ArrayBuffer
  /** Why it broke off; absent when it did not. */
  readonly error?: GatewayError
  /** The object that reports the failure; `undefined` without one. */
  readonly object?: JsonObject | undefined
  /** What was reported before it failed; absent when nothing was read. */
  readonly reading?: Reading
}

/** Of a failed response, so much is read to judge it. */
const JUDGED_BYTES = 64 * 1024

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
  const good = { cause: 'ok', response } as const
  const judged = (text: string, object?: JsonObject): AttemptCause =>
    causeByRules({ status: response.status, text, object }, exchange.target.upstream.retryOn)
  if (!readable) return { cause: judged(''), response }
  exchange.clock.enter('body')
  try {
    if (response.status >= 400) {
      const { text, again } = await beginningOf(response, exchange, JUDGED_BYTES)
      const object = objectIn(text)
      const reading = emptyReading()
      if (api && object) readResponse(api, reading, object)
      return { cause: judged(text, object), response: again, object, reading }
    }
    if (holdBytes === 0) return good
    const framing = STREAM_FRAMINGS.get(facts.mediaType)
    if (framing) {
      if (!api) return good
      return await judgeStream(response, exchange, new StreamBeginning(api, framing, holdBytes))
    }
    const length = Number(headers.get('content-length') ?? -1)
    if (length < 0 || length > BUFFERED_BYTES) return good
    return await judgeSmall(response, judged)
  } catch (error) {
    return brokenOff(exchange, error)
  }
}

/** @param reading what was reported before */
function brokenOff(exchange: OpenExchange, cause: unknown, reading?: Reading): JudgedResponse {
  const error = broken(exchange, cause, 'upstream_aborted', 'upstream request failed')
  return {
    cause: causeOfCode(error.code) ?? 'client_aborted',
    response: undefined,
    error,
    ...(reading ? { reading } : {}),
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

/** A member `error` that has a value, or is the value of another: OpenAI's Responses all have `"error": null`. */
const ERROR_MEMBER = /"error"(?!\s*:\s*null\b)/

/** The object of a whole response that may report a failure. Gemini puts it into a list. */
function objectIn(text: string): JsonObject | undefined {
  const trimmed = text.trim()
  return parseObject(trimmed.startsWith('[') ? trimmed.slice(1, -1) : trimmed)
}

async function judgeSmall(
  response: Response,
  judged: (text: string, object?: JsonObject) => AttemptCause,
): Promise<JudgedResponse> {
  const content = await response.arrayBuffer()
  const bytes = Buffer.from(content)
  // Most have no error, or say that there is none, and are not parsed.
  const mayFail = bytes.includes('"error"') && ERROR_MEMBER.test(bytes.toString('latin1'))
  const text = mayFail ? bytes.toString('utf8') : ''
  const object = text === '' ? undefined : objectIn(text)
  return {
    cause: judged(text, object),
    response,
    content,
    object,
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
      return brokenOff(exchange, error, reading)
    }
    exchange.clock.phaseAt = performance.now()
    if (!next.done) pieces.push(next.value)
    const state = next.done ? beginning.end() : beginning.write(next.value)
    if (state === 'held') continue
    const object = beginning.failure
    if (state === 'passes') return { cause: 'ok', response: again(), object, reading }
    const { retryOn } = exchange.target.upstream
    const seen = { status: response.status, text: object ? JSON.stringify(object) : '', object }
    const cause = object ? causeByRules(seen, retryOn) : 'truncated'
    return { cause, response: again(), object, reading }
  }
}

/** The response with content that was read already. */
function sameHead(
  { status, statusText, headers }: Response,
  content: Uint8Array<ArrayBuffer> | AsyncGenerator<Uint8Array>,
): Response {
  return new Response(content as Bun.BodyInit, { status, statusText, headers })
}
