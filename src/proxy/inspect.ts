import { GatewayError } from '../errors.ts'
import { textOf } from '../providers/json.ts'
import { modelOfTarget, wireApiNamed } from '../providers/registry.ts'
import { topLevelSpans, valueAt } from './json-spans.ts'
import type { OpenExchange } from './open-exchange.ts'
import { askForUsage } from './stream-usage.ts'

/** Request content up to this size is held so that a policy can look at it; a policy that must see more refuses. */
export const MAX_INSPECTED_BYTES = 16 * 1024 * 1024

/** Policies that must see a request's content before it is forwarded. */
export interface Inspection {
  /** Ask chat streams for their usage. */
  readonly injectStreamUsage: boolean
  /** Refuses a model without a price; absent when any model may pass. */
  readonly hasPrice?: (exchange: OpenExchange, model: string) => boolean
}

/** Whether a policy must see the content of this request; without one, it passes untouched. */
export function mustInspect(exchange: OpenExchange, { injectStreamUsage, hasPrice }: Inspection): boolean {
  return (injectStreamUsage && mayInject(exchange)) || (hasPrice !== undefined && bills(exchange))
}

/**
 * Judges the content of a request and changes it where a policy asks for that.
 *
 * @returns what is to be sent instead, or the same bytes
 * @throws GatewayError when a policy refuses it
 */
export function inspectContent(
  exchange: OpenExchange,
  content: Uint8Array,
  { injectStreamUsage, hasPrice }: Inspection,
): Uint8Array {
  if (hasPrice && bills(exchange)) {
    const span = topLevelSpans(content, ['model']).get('model')
    requirePrice(exchange, textOf(valueAt(content, span)) ?? routeModel(exchange), hasPrice)
  }
  if (!injectStreamUsage || !mayInject(exchange)) return content
  const asking = askForUsage(content)
  exchange.injected = asking !== undefined
  return asking ?? content
}

/**
 * Judges a request by its target alone: one without content, or with more of it than can be looked at, and WebSockets,
 * whose model may come later.
 *
 * @throws GatewayError when a policy refuses it
 */
export function inspectTarget(exchange: OpenExchange, { hasPrice }: Inspection): void {
  if (hasPrice && bills(exchange)) requirePrice(exchange, routeModel(exchange), hasPrice)
}

function routeModel({ path, query }: OpenExchange): string {
  return modelOfTarget(path, query)
}

function requirePrice(
  exchange: OpenExchange,
  model: string,
  hasPrice: NonNullable<Inspection['hasPrice']>,
): void {
  if (model === '') {
    throw new GatewayError('model_price_unknown', 'the request names no model, so its price is not known')
  }
  if (!hasPrice(exchange, model)) {
    throw new GatewayError('model_price_unknown', `no price is known for model ${model.slice(0, 128)}`)
  }
}

/** Calls that may be billed: known ones that are neither free nor repeat what another call was billed for. */
function bills({ wire }: OpenExchange): boolean {
  const api = wireApiNamed(wire.api)
  return api !== undefined && !api.freeUnlessReported && !api.fetches
}

/** A chat completion whose content is JSON as it stands. */
function mayInject({ wire, requestFacts }: OpenExchange): boolean {
  return (
    wire.api === 'chat_completions' &&
    requestFacts.mediaType === 'application/json' &&
    (requestFacts.codings === '' || requestFacts.codings === 'identity')
  )
}
