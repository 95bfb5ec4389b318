import { requirePermission } from '../../access/authorize.ts'
import { GatewayError } from '../../errors.ts'
import { readAttribution } from '../../traces/attribution.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { RequestBody } from '../exchange/request-body.ts'
import type { ProxyContext } from '../proxy-context.ts'
import { type RequestFacts, readRequestFacts } from '../request/request-facts.ts'
import { hiddenModel } from '../request/unseen.ts'
import type { ModelQuestion } from '../targets/model-directory.ts'
import { noTarget } from '../targets/no-target.ts'
import { retarget, takeTarget, usableFor } from '../attempts/take-target.ts'
import type { TargetPlan } from '../targets/target.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { takePolicies } from './take-policies.ts'

/**
 * Resolves the model of a request, and chooses its first target. Below a provider's prefix that happens only if an alias has a target of that
 * provider; everything else there goes as it came.
 *
 * @returns `undefined` when there is nothing to resolve
 * @throws GatewayError when the model has no target, or the key may not use it
 */
export function resolveTarget(
  exchange: OpenExchange,
  incoming: IncomingRequest,
  context: ProxyContext,
): void | Promise<void> {
  const { arrival, target } = exchange
  if (!arrival.modelRoute && (arrival.upgrade || !context.settings.models.mayRoute(target.upstream.name))) {
    return undefined
  }
  if (exchange.identity) requirePermission(exchange.identity, 'proxy:write')
  const resolve = arrival.modelRoute ? resolveModel : resolveBelowPrefix
  const seen = (body: RequestBody | undefined): void => {
    const content = body?.kind === 'held' ? body.bytes : undefined
    const facts = readRequestFacts(exchange, content, body ? (content?.length ?? -1) : 0)
    resolve(exchange, facts, context)
    if (arrival.modelRoute) takePolicies(exchange, incoming, context)
  }
  return incoming.hasContent ? incoming.hold().then(seen) : seen(undefined)
}

function resolveModel(exchange: OpenExchange, facts: RequestFacts, context: ProxyContext): void {
  const { models } = context.settings
  const question = questionOf(exchange, facts)
  if (question) return usePlan(exchange, models.resolve(question), { facts, asked: question.name }, context)
  const { dialect } = exchange.arrival.modelRoute!
  const provider = models.defaultProvider(dialect)
  const servedAt = provider === undefined ? undefined : models.servedAt(provider, dialect)
  if (provider === undefined || servedAt === undefined) throw noDefault(dialect)
  return retarget(exchange, provider, undefined, context)
}

function resolveBelowPrefix(exchange: OpenExchange, facts: RequestFacts, context: ProxyContext): void {
  // What cannot be seen, or names several models, goes as it came.
  const isOne = facts.unseen === '' && facts.contentModels.length < 2
  const question = isOne ? questionOf(exchange, facts) : undefined
  const plan = question && context.settings.models.resolveWithin(exchange.target.upstream.name, question)
  if (question && plan) usePlan(exchange, plan, { facts, asked: question.name }, context)
}

/**
 * What is asked of the directory of models.
 *
 * @returns `undefined` for a request that names no model
 * @throws GatewayError when it names several, or its content cannot be seen
 */
function questionOf(exchange: OpenExchange, facts: RequestFacts): ModelQuestion | undefined {
  const { dialect, arrival } = exchange
  const { modelRoute, target } = arrival
  const rules = exchange.identity?.compiledRules
  if (dialect === 'gemini' || exchange.operation.models.kind === 'path') {
    const name = facts.pathModel
    return name === '' ? undefined : { name, dialect: 'gemini', place: 'path.model', rules }
  }
  if (facts.unseen !== '')
    throw new GatewayError('bad_request', `the model cannot be seen: the request's content ${facts.unseen}`)
  const [name = '', ...others] = facts.contentModels
  if (others.length > 0) throw new GatewayError('bad_request', 'the request names several models')
  if (name === '') return undefined
  const isForm = exchange.requestFacts.mediaType === 'multipart/form-data'
  return {
    name,
    dialect: dialect === 'anthropic' ? 'anthropic' : 'openai',
    place: isForm ? 'form.model' : 'model',
    rules,
    ...(modelRoute ? { call: { path: target.path, streaming: facts.streaming } } : {}),
  }
}

/** Chooses the first target of a plan. @throws GatewayError when none is available */
function usePlan(
  exchange: OpenExchange,
  plan: TargetPlan,
  { facts, asked }: { readonly facts: RequestFacts; readonly asked: string },
  context: ProxyContext,
): void {
  const rules = exchange.identity?.compiledRules
  if (rules?.restrictsModels)
    rules.requireModels(
      facts.models.filter((name) => name !== asked),
      hiddenModel(exchange.operation, facts),
    )
  exchange.session = sessionOf(exchange, plan, facts)
  exchange.askedModel = asked
  const now = performance.now()
  const request = {
    session: exchange.session,
    tried: [],
    now,
    usable: usableFor(exchange, context),
  }
  const target = context.chooser.choose(plan, request)
  if (!target) throw noTarget(asked, context.chooser.whyNone(plan, request), now)
  exchange.plan = plan
  exchange.asked = facts
  takeTarget(exchange, plan, target, context)
}

/** Whose target is kept: sessions of different callers are different ones. Empty for none. */
function sessionOf(exchange: OpenExchange, plan: TargetPlan, facts: RequestFacts): string {
  if (plan.affinity === 'none' || plan.targets.length < 2) return ''
  const { sessionId, endUser } = readAttribution(exchange.fields, facts.members)
  const session = plan.affinity === 'session' ? sessionId : endUser
  const { organizationId, workspaceId, keyId } = exchange.caller
  return session === '' ? '' : [organizationId, workspaceId, keyId, session].join('\n')
}

function noDefault(dialect: string): GatewayError {
  const message = `no provider takes requests without a model; set routing.default_provider.${dialect}`
  return new GatewayError('no_target_for_api', message)
}
