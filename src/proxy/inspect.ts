import { GatewayError } from '../errors.ts'
import { mayBill } from '../providers/operation.ts'
import type { ModelNames } from '../usage/model-names.ts'
import type { OpenExchange } from './open-exchange.ts'
import { readRequestFacts, type RequestFacts } from './request-facts.ts'
import { askForUsage } from './stream-usage.ts'

/** Bytes of request content that are held so that a policy can look at them; what is larger is judged by `inspectUnseen`. */
export const MAX_INSPECTED_BYTES = 16 * 1024 * 1024

/** Policies that must see a request's content before it is forwarded. */
export interface Inspection {
  /** Ask chat streams for their usage. */
  readonly injectStreamUsage: boolean
  /** Refuses a model without a price; absent when any model may pass. */
  readonly hasPrice?: (exchange: OpenExchange, names: ModelNames) => boolean
}

/** Whether a policy must see the content of this request; without one, it passes untouched. */
export function mustInspect(exchange: OpenExchange, { injectStreamUsage, hasPrice }: Inspection): boolean {
  return (injectStreamUsage && mayInject(exchange)) || (hasPrice !== undefined && mayBill(exchange.operation))
}

/**
 * Judges the content of a request.
 *
 * @throws GatewayError when a policy refuses it
 */
export function inspectContent(exchange: OpenExchange, content: Uint8Array, { hasPrice }: Inspection): void {
  if (!hasPrice || !mayBill(exchange.operation)) return
  requirePrice(exchange, readRequestFacts(exchange, content, content.length), hasPrice)
}

/** Changes the content of a request where a policy asks for that. @returns what is to be sent, or the same bytes */
export function changeContent(
  exchange: OpenExchange,
  content: Uint8Array,
  { injectStreamUsage }: Inspection,
): Uint8Array {
  if (!injectStreamUsage || !mayInject(exchange)) return content
  const asking = askForUsage(content)
  exchange.injected = asking !== undefined
  return asking ?? content
}

/**
 * Judges a request with more content than can be looked at.
 *
 * @throws GatewayError when a policy would have to see it
 */
export function inspectUnseen(exchange: OpenExchange, { hasPrice }: Inspection): void {
  if (!hasPrice || !mayBill(exchange.operation)) return
  const facts = readRequestFacts(exchange, undefined, -1)
  if (facts.model === '') {
    const message = `request body exceeds ${MAX_INSPECTED_BYTES} bytes, so its model cannot be checked`
    throw new GatewayError('request_body_too_large', message)
  }
  requirePrice(exchange, facts, hasPrice)
}

/**
 * Judges a request by its target alone: one without content, and WebSockets, whose model may come later.
 *
 * @throws GatewayError when a policy refuses it
 */
export function inspectTarget(exchange: OpenExchange, { hasPrice }: Inspection): void {
  if (!hasPrice || !mayBill(exchange.operation)) return
  requirePrice(exchange, readRequestFacts(exchange, undefined, 0), hasPrice)
}

function requirePrice(
  exchange: OpenExchange,
  { model, names, unseen }: RequestFacts,
  hasPrice: NonNullable<Inspection['hasPrice']>,
): void {
  if (model === '') {
    const why = unseen === '' ? 'the request names no model, or several' : `the request's content ${unseen}`
    throw new GatewayError('model_price_unknown', `${why}, so its price is not known`)
  }
  if (!hasPrice(exchange, names)) {
    throw new GatewayError('model_price_unknown', `no price is known for model ${model.slice(0, 128)}`)
  }
}

/** A chat completion whose content can be read as it stands; what is no JSON asks for no stream, whatever its type. */
function mayInject({ wire, requestFacts }: OpenExchange): boolean {
  return (
    wire.api === 'chat_completions' && (requestFacts.codings === '' || requestFacts.codings === 'identity')
  )
}
