import { GatewayError } from '../../errors.ts'
import { boundedByBoth, type TokenRates } from '../../limits/admission/bounds.ts'
import { LimitRefusal } from '../../limits/admission/limit-refusal.ts'
import { UnheldCost } from '../../limits/admission/unheld-cost.ts'
import type { LimitRequest, Ticket } from '../../limits/ticket.ts'
import type { Operation } from '../../providers/operation.ts'
import { NO_ATTRIBUTION, readAttribution } from '../../traces/attribution.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { ProxyContext, ProxySettings } from '../proxy-context.ts'
import { factsForTarget } from '../request/facts-for-target.ts'
import { type RequestFacts, readRequestFacts } from '../request/request-facts.ts'
import { billedByAnswer, hiddenModel, unseenCost } from '../request/unseen.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** Whether the rules and limits of the caller depend on the request's content. */
function admissionNeedsContent({ limits, identity }: OpenExchange): boolean {
  return limits.needContent || identity?.compiledRules.restrictsModels === true
}

/**
 * Checks a request against the rules and limits of its caller. Its content is read first if they depend on it.
 *
 * @returns `undefined` when there is nothing to wait for: counters in memory decide at once
 * @throws GatewayError when a rule or a limit refuses it
 */
export function admit(
  exchange: OpenExchange,
  incoming: IncomingRequest,
  context: ProxyContext,
): void | Promise<void> {
  return incoming.hasContent && admissionNeedsContent(exchange)
    ? admitSeen(exchange, incoming, context)
    : admitContent(exchange, undefined, incoming.length, context)
}

async function admitSeen(
  exchange: OpenExchange,
  incoming: IncomingRequest,
  context: ProxyContext,
): Promise<void> {
  const body = await incoming.hold()
  const content = body.kind === 'held' ? body.bytes : undefined
  await admitContent(exchange, content, content?.length ?? incoming.length, context)
}

/**
 * Checks a request against the rules and limits of its caller. It counts in them until it ends.
 *
 * @param content `undefined` for none, and for content that was not held
 * @param size of the content; -1 when it is not known yet
 * @throws GatewayError when a rule or a limit refuses it
 */
function admitContent(
  exchange: OpenExchange,
  content: Uint8Array | undefined,
  size: number,
  { limits: engine, settings }: ProxyContext,
): void | Promise<void> {
  const { limits, identity } = exchange
  if (!limits.any && !identity?.compiledRules.restrictsModels) return undefined
  const facts = readRequestFacts(exchange, content, size)
  // With a plan they were judged when its targets were resolved.
  if (!exchange.plan) {
    identity?.compiledRules.requireModels(facts.models, hiddenModel(exchange.operation, facts))
  }
  if (!limits.any) return undefined
  const request = limitRequest(exchange, facts, size, settings)
  const ticket = engine.admit(request, Date.now())
  if (ticket instanceof Promise) {
    return ticket.then(
      (known) => hold(exchange, known),
      (error: unknown) => {
        if (error instanceof LimitRefusal) exchange.limitWaitUs = error.waitedUs
        throw error
      },
    )
  }
  return hold(exchange, ticket)
}

/**
 * Checks a request that goes to another target, because one has failed, against the limits of that target.
 *
 * @throws GatewayError when a limit refuses it
 */
export async function admitAgain(
  exchange: OpenExchange,
  incoming: IncomingRequest,
  { limits: engine, settings }: ProxyContext,
): Promise<void> {
  const { ticket, requestContent: content } = exchange
  if (!ticket) return
  const size = content?.length ?? incoming.length
  const request = limitRequest(exchange, readRequestFacts(exchange, content, size), size, settings)
  const admitted = await engine.admitAgain(ticket, request, Date.now())
  if (admitted !== ticket) hold(exchange, admitted)
}

/**
 * What limits are asked about a request at the target that it goes to.
 *
 * @throws GatewayError when a budget cannot be held, because the cost cannot be seen
 */
function limitRequest(
  exchange: OpenExchange,
  facts: RequestFacts,
  size: number,
  settings: ProxySettings,
): LimitRequest {
  const { model } = facts
  const { limits, operation, subscription } = exchange
  const billed = billedByAnswer(operation, facts)
  const billable = !exchange.free && (billed || operation.api === undefined)
  const unseen = unseenCost(operation, facts)
  const budget = unseen && limits.refusingBudget(exchange.wire.provider, unseen.of, subscription)
  if (budget) throw new UnheldCost(budget, unseen.why)
  const nowMs = Date.now()
  const money = limits.money[subscription ? 'included' : 'billed']
  const rates =
    money.needPrices && billable && model !== ''
      ? dearest(exchange, settings.ratesOf?.(exchange, facts.names, nowMs), nowMs, settings)
      : undefined
  if (rates === 'unknown' && money.refusesUnpriced && billed) {
    const message = `no price is known for model ${model.slice(0, 128)}, so a budget cannot be held`
    throw new GatewayError('model_price_unknown', message)
  }
  const { sessionId, endUser } = limits.needAttribution
    ? readAttribution(exchange.fields, facts.members)
    : NO_ATTRIBUTION
  return {
    id: exchange.id,
    limits,
    endUser,
    sessionId,
    provider: exchange.wire.provider,
    model,
    models: limits.needContent ? possibleModels(operation, facts) : undefined,
    billable,
    subscription,
    requestBytes: Math.max(0, size),
    maxOutputTokens: facts.output.maxOutputTokens,
    answers: facts.output.answers,
    answeredOnce: facts.bounded,
    streaming: facts.streaming,
    rates: rates === 'unknown' ? undefined : rates,
  }
}

/**
 * The rates of the first target, with the highest bounds among all that the request may go to: whichever of them responds, a strict budget
 * must have room for it.
 */
function dearest(
  { plan, asked, askedModel, caller, wire, target }: OpenExchange,
  first: TokenRates | 'unknown' | undefined,
  nowMs: number,
  { ratesOf, upstreams }: ProxySettings,
): TokenRates | 'unknown' | undefined {
  if (!plan || plan.targets.length < 2 || !asked || !ratesOf || typeof first !== 'object') return first
  let rates = first
  for (const { provider, model } of plan.targets) {
    const upstream = upstreams.named(provider)
    if (!upstream) continue
    const { names } = factsForTarget(asked, model ?? askedModel, plan.rewrite)
    const of = { caller, wire: { ...wire, provider }, target: { ...target, upstream } }
    const other = ratesOf(of, names, nowMs)
    // One without a price gets no request that a budget holds.
    if (other !== 'unknown') rates = boundedByBoth(rates, other)
  }
  return rates
}

/** The models that a request may run where none is certain. The messages of a WebSocket may name any, and come later. */
function possibleModels({ method }: Operation, facts: RequestFacts): LimitRequest['models'] {
  if (facts.model !== '' || !facts.runsModel || method === 'WS') return undefined
  return facts.unseen === '' ? facts.models : 'any'
}

/** An exchange that ended while its counters were asked has nothing to hold any more. */
function hold(exchange: OpenExchange, ticket: Ticket): void {
  exchange.mark('admittedUs')
  exchange.limitWaitUs = ticket.waitedUs
  if (!exchange.ended) exchange.ticket = ticket
  else {
    const atMs = performance.now()
    ticket.end({ sent: false, answered: false, requestBytes: 0, responseBytes: 0, atMs })
  }
}
