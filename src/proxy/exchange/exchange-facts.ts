import type { Caller, ContentFacts, WireFacts } from '../../traces/exchange.ts'
import type { PathReadings } from '../../wire/url/path-readings.ts'
import type { Operation } from '../../providers/operation.ts'
import type { RequestFacts } from '../request/request-facts.ts'
import type { Target } from '../upstream/upstream.ts'

/** What is known of a request before its content: all that rules, limits, prices and policies may ask of an exchange. */
export interface ExchangeFacts {
  readonly method: string
  /** As the client sent it, prefix included, without query. */
  readonly path: string
  /** The path as it is judged. */
  readonly readings: PathReadings
  /** Begins with `?`, or is empty. */
  readonly query: string
  /** The request's header fields; lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  readonly target: Target
  readonly wire: WireFacts
  readonly requestFacts: ContentFacts
  /** Which row of the table of operations it asks for. */
  readonly operation: Operation
  /** What it asks for, once its content was read. */
  asked: RequestFacts | undefined
  /** Nothing is billed for such a request. */
  readonly free: boolean
  readonly caller: Caller
}

/** Media type and content codings of a message. @param fields lower-case names */
export function contentFacts(
  fields: Readonly<Record<string, string | readonly string[] | undefined>>,
): ContentFacts {
  const type = String(fields['content-type'] ?? '')
  const semicolon = type.indexOf(';')
  return {
    mediaType: (semicolon < 0 ? type : type.slice(0, semicolon)).trim().toLowerCase(),
    codings: String(fields['content-encoding'] ?? '').toLowerCase(),
  }
}
