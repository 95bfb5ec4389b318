import { GatewayError } from '../../errors.ts'
import { mayBill } from '../../providers/operation.ts'
import type { ModelNames } from '../../usage/model-names.ts'
import type { ExchangeFacts, PricedFacts } from '../exchange/exchange-facts.ts'
import { type RequestFacts, readRequestFacts } from '../request/request-facts.ts'
import { billedByAnswer } from '../request/unseen.ts'
import { type ContentPolicy, MAX_INSPECTED_BYTES } from './content-policy.ts'

/** Whether a price is known for the model of a request. */
export type HasPrice = (exchange: PricedFacts, names: ModelNames) => boolean

/** Refuses requests for models without a price. @returns `undefined` for a request that bills nothing */
export function priceGate(exchange: ExchangeFacts, hasPrice: HasPrice): ContentPolicy | undefined {
  if (!mayBill(exchange.operation) && exchange.operation.models.onlyWith === undefined) return undefined
  return {
    notes: {},
    // Codex answers this refusal by asking over HTTP, where the model can be seen.
    ...(exchange.operation.models.kind === 'messages'
      ? { webSocketRefusal: 'models are checked here before they are asked; use HTTP' }
      : {}),
    judgeTarget: (hasContent) => {
      if (!hasContent) inspectTarget(exchange, hasPrice)
    },
    request: {
      needs: 'beginning',
      maxBytes: MAX_INSPECTED_BYTES,
      apply: (content) => {
        inspectContent(exchange, content, hasPrice)
        return content
      },
      unseen: () => inspectUnseen(exchange, hasPrice),
    },
    response: undefined,
  }
}

/**
 * Judges the content of a request.
 *
 * @throws GatewayError when a policy refuses it
 */
function inspectContent(exchange: ExchangeFacts, content: Uint8Array, hasPrice: HasPrice): void {
  requirePrice(exchange, readRequestFacts(exchange, content, content.length), hasPrice)
}

/**
 * Judges a request with more content than can be read.
 *
 * @throws GatewayError when a policy would have to see it
 */
function inspectUnseen(exchange: ExchangeFacts, hasPrice: HasPrice): void {
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
function inspectTarget(exchange: ExchangeFacts, hasPrice: HasPrice): void {
  requirePrice(exchange, readRequestFacts(exchange, undefined, 0), hasPrice)
}

function requirePrice(exchange: ExchangeFacts, facts: RequestFacts, hasPrice: HasPrice): void {
  if (!billedByAnswer(exchange.operation, facts)) return
  const { model, names, unseen } = facts
  if (model === '') {
    const why = unseen === '' ? 'the request names no model, or several' : `the request's content ${unseen}`
    throw new GatewayError('model_price_unknown', `${why}, so its price is not known`)
  }
  if (!hasPrice(exchange, names)) {
    throw new GatewayError('model_price_unknown', `no price is known for model ${model.slice(0, 128)}`)
  }
}
