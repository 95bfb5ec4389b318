import type { Identity } from '../access/keyring.ts'
import type { AuditAction } from '../audit/audit-event.ts'
import type { Section } from '../config/setting.ts'
import { GatewayError } from '../errors.ts'
import { jsonResponse } from '../http/json-response.ts'
import { type BudgetChange, missingSubject, planRaise, planReset } from '../limits/budget-changes.ts'
import type { CallerLimits } from '../limits/policies/caller-limits.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { LimitFacts } from '../limits/policies/subject.ts'
import { badRequest } from '../presentation/bad-request.ts'
import { changeDetail, changedLimitJson, readRaise } from '../presentation/limit-change-json.ts'
import { type Members, readMembers } from '../presentation/read-members.ts'
import type { Caller } from '../traces/exchange.ts'
import type { ApiContext, ApiHandler, ApiRequest } from './api-context.ts'
import { readJsonObject } from './json-body.ts'
import { QueryParameters } from './query-parameters.ts'
import { readScopeOf } from './read-scope.ts'

const BODY = { maxBytes: 65_536, invalid: 'invalid json body', tooLarge: 'request body too large' }

const text = { kind: 'string', default: '', doc: '' } as const
const amount = { kind: 'float', default: 0, doc: '' } as const
const SUBJECT = {
  workspace_id: text,
  key_id: text,
  end_user: text,
  session_id: text,
  provider: text,
  model: text,
} as const satisfies Section['fields']
const RESET: Section = { kind: 'section', type: 'limit reset', doc: '', fields: SUBJECT }
const RAISE: Section = {
  kind: 'section',
  type: 'limit raise',
  doc: '',
  fields: { ...SUBJECT, by_usd: amount, to_usd: amount, until: text },
}

/** The budget to change. */
interface Subject {
  readonly policy: LimitPolicy
  readonly caller: Caller
  readonly limits: CallerLimits
  readonly facts: LimitFacts
}

/** `POST /api/limits/:policy/reset`: the period of a budget starts again for one subject. */
export const resetLimit: ApiHandler = (request, context) =>
  changing(request, context, 'limit.reset', RESET, ({ limits, facts, policy }, _, nowMs) =>
    planReset(limits, facts, policy.name, nowMs, (takes) => counted(context.limits.read(takes, nowMs))),
  )

/** `POST /api/limits/:policy/raise`: one subject may spend more for a while. */
export const raiseLimit: ApiHandler = (request, context) =>
  changing(request, context, 'limit.raise', RAISE, ({ limits, facts, policy }, members, nowMs) =>
    planRaise(limits, facts, policy.name, readRaise(members), nowMs),
  )

/** Changes a budget and records the change, or why it failed. This gateway applies it at once, others of the store soon after. */
async function changing(
  request: ApiRequest,
  context: ApiContext,
  action: Extract<AuditAction, 'limit.reset' | 'limit.raise'>,
  section: Section,
  plan: (subject: Subject, members: Members, nowMs: number) => BudgetChange | Promise<BudgetChange>,
): Promise<Response> {
  const { identity, correlationId, clientAddress } = request
  // Keys are on, or the route table would have refused it.
  const actor = identity!
  let tenant = actor.caller
  let detail: object = {}
  let changed: Subject
  const audited = (outcome: 'success' | 'deny' | 'error', reason: string, status: number): void =>
    context.audit.record({
      actor: actor.caller.keyId || 'unnamed key',
      action,
      organizationId: tenant.organizationId,
      workspaceId: tenant.workspaceId,
      target: request.parameters['policy'] ?? '',
      outcome,
      reason,
      status,
      correlationId,
      clientAddress,
      detail: { ...detail },
    })
  try {
    const members = readMembers(await readJsonObject(request.body, BODY), section)
    const subject = await subjectOf(request, actor, members, context)
    tenant = subject.caller
    const nowMs = Date.now()
    const change = await plan(subject, members, nowMs)
    detail = changeDetail(change)
    requireOthers(actor, subject, change, context, nowMs)
    await stored(() => context.changeBudget(change))
    changed = subject
  } catch (error) {
    const { code, status } = error instanceof GatewayError ? error : new GatewayError('internal_error', '')
    audited(status === 403 ? 'deny' : 'error', code, status)
    throw error
  }
  audited('success', '', 200)
  const standings = await counted(context.limits.standings(changed.limits, changed.facts))
  const own = standings.filter(({ name }) => name === changed.policy.name)
  return jsonResponse(200, changedLimitJson(tenant, own))
}

/** @throws GatewayError `limits_unavailable` when the counters cannot be read */
async function counted<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw new GatewayError('limits_unavailable', 'gateway usage limit check unavailable', { cause: error })
  }
}

/** @throws GatewayError `limit_not_found`, `gateway_key_not_found`, `permission_denied`; `bad_request` for what the policy must know */
async function subjectOf(
  request: ApiRequest,
  identity: Identity,
  members: Members,
  context: ApiContext,
): Promise<Subject> {
  const given = (name: keyof typeof SUBJECT): string => ((members[name] as string | undefined) ?? '').trim()
  const workspaceId = given('workspace_id')
  const query = new QueryParameters(
    workspaceId === '' ? '' : `?${new URLSearchParams({ workspace_id: workspaceId }).toString()}`,
    ['workspace_id'],
  )
  const scope = await readScopeOf({ identity, query }, context)
  const keyId = given('key_id')
  const key = keyId === '' ? undefined : context.keyOf(scope!, keyId)
  if (keyId !== '' && !key) throw new GatewayError('gateway_key_not_found', 'gateway key not found')
  const name = request.parameters['policy'] ?? ''
  const policy = [...context.policies(), ...(key?.limits ?? [])].find((one) => one.name === name)
  if (!policy) throw new GatewayError('limit_not_found', `there is no limit named ${JSON.stringify(name)}`)
  const names = Object.keys(SUBJECT).filter((member) => given(member as keyof typeof SUBJECT) !== '')
  const [missing] = missingSubject(policy, new Set(names))
  if (missing !== undefined) throw badRequest(`${missing} is needed: the limit "${name}" counts by it`)
  const caller = key?.caller ?? {
    organizationId: identity.caller.organizationId,
    workspaceId: workspaceId || identity.caller.workspaceId,
    keyId: '',
    team: '',
    role: '',
  }
  return {
    policy,
    caller,
    limits: context.limits.limitsOf(key ?? { caller, counterId: '' }, key?.limits ?? []),
    facts: {
      endUser: given('end_user'),
      sessionId: given('session_id'),
      provider: given('provider'),
      model: given('model'),
    },
  }
}

/**
 * A key cannot raise its own budget. End users and sessions are names that a caller chooses: their budgets do not bound it, so it
 * may change them.
 *
 * @throws GatewayError `own_limit`
 */
function requireOthers(
  identity: Identity,
  { policy, facts }: Subject,
  { counter }: BudgetChange,
  { limitsOf }: ApiContext,
  nowMs: number,
): void {
  if (policy.per === 'end_user' || policy.per === 'session') return
  const own = limitsOf(identity).resolve(facts, nowMs).limits
  if (!own.some((limit) => limit.window !== undefined && limit.counter === counter)) return
  throw new GatewayError(
    'own_limit',
    'your own requests count in this budget; a key of another workspace, or the command "ongoingai limits", can change it',
  )
}

async function stored(change: () => Promise<void>): Promise<void> {
  try {
    await change()
  } catch (error) {
    throw new GatewayError('storage_unavailable', 'failed to change limit', { cause: error })
  }
}
