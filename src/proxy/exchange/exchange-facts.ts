import type { Caller, ContentFacts, WireFacts } from '../../traces/exchange.ts'
import type { AskedExchange } from '../request/request-facts.ts'
import type { Target } from '../upstream/upstream.ts'

/** What is known of a request before its content: all that rules, limits, prices and policies may see of an exchange. */
export interface ExchangeFacts extends AskedExchange {
  readonly method: string
  /** As the client sent it, prefix included, without query. */
  readonly path: string
  readonly target: Target
  readonly wire: WireFacts
  /** Nothing is billed for such a request. */
  readonly free: boolean
  readonly caller: Caller
}

/** What a price depends on besides the model. */
export interface PricedFacts extends Pick<ExchangeFacts, 'caller' | 'wire'> {
  readonly target: Pick<Target, 'upstream'>
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
