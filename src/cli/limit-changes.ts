import { tenantOfFileKey } from '../access/key-administration.ts'
import { changeDetail, changedLimitJson, readRaise } from '../presentation/limit-change-json.ts'
import type { AuditAction } from '../audit/audit-event.ts'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { missingSubject, planRaise, planReset } from '../limits/budget-changes.ts'
import { Adjustments } from '../limits/policies/adjustments.ts'
import { CallerLimits } from '../limits/policies/caller-limits.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import { standingOf } from '../limits/policies/standing.ts'
import type { LimitFacts } from '../limits/policies/subject.ts'
import type { Budget, CounterState } from '../limits/policies/take.ts'
import { TenantTallies } from '../limits/policies/tenant-tallies.ts'
import type { Storage } from '../storage/contract/storage.ts'
import { untilFree } from '../storage/until-free.ts'
import { audited } from './audited.ts'
import { readFormat, type Io } from './command.ts'
import { RAISE_FLAGS, SUBJECT_FLAGS } from './commands/limits.ts'
import type { Arguments } from './flags.ts'
import { openStore } from './open-store.ts'
import { requestGateway, readTimeout } from './running-gateway.ts'

type Members = Readonly<Record<string, string | number>>

/** `ongoingai limits reset` */
export function resetLimit(parsed: Arguments, io: Io): Promise<number> {
  return change('reset', parsed, io)
}

/** `ongoingai limits raise` */
export function raiseLimit(parsed: Arguments, io: Io): Promise<number> {
  return change('raise', parsed, io)
}

/** Changes a budget of a running gateway when its URL is given, else in the store. */
async function change(action: 'reset' | 'raise', parsed: Arguments, io: Io): Promise<number> {
  const name = `limits ${action}`
  const wrong = (message: string): number => {
    io.err(`${message}\n`)
    return 2
  }
  const format = readFormat(name, parsed)
  if ('problem' in format) return wrong(format.problem)
  const [policy, ...more] = parsed.positional
  if (policy === undefined || more.length > 0) return wrong(`${name} needs the name of one limit`)
  const timeoutMs = readTimeout(parsed)
  if (typeof timeoutMs === 'string') return wrong(`invalid ${name} ${timeoutMs}`)
  const members = readMembers(parsed)
  if (typeof members === 'string') return wrong(members)
  try {
    const path = `/api/limits/${encodeURIComponent(policy)}/${action}`
    const value = parsed.values.has('base-url')
      ? (await requestGateway(parsed, io, { what: 'limits', path, method: 'POST', body: members, timeoutMs }))
          .value
      : await inStore(action, policy, members, parsed, io)
    if (value === undefined) return 1
    if (format.format === 'json') io.out(`${contractJson(value, 2)}\n`)
    else
      io.out(
        `limit "${policy}" is ${action === 'reset' ? 'reset' : 'raised'}; running gateways follow within five seconds\n`,
      )
    return 0
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof GatewayError && error.code === 'bad_request' ? 2 : 1
  }
}

/** The members of the request; a text for what is wrong with the flags. */
function readMembers({ values }: Arguments): Members | string {
  const members: Record<string, string | number> = {}
  for (const { name } of [...SUBJECT_FLAGS, ...RAISE_FLAGS]) {
    const value = values.get(name)
    if (value === undefined) continue
    const member = name.replaceAll('-', '_')
    if (!name.endsWith('-usd')) members[member] = value
    else if (/^\d+(\.\d+)?$/.test(value.trim())) members[member] = Number(value)
    else return `${name} "${value}" must be an amount in USD, such as 25 or 0.5`
  }
  return members
}

/** Changes a budget in the store: a user who can open it may change every budget. @returns `undefined` after the reason was shown */
async function inStore(
  action: 'reset' | 'raise',
  policy: string,
  members: Members,
  parsed: Arguments,
  io: Io,
): Promise<object | undefined> {
  const opened = await openStore(parsed, io, 'write')
  if (!opened) return undefined
  const { storage, config } = opened
  const organizationId = parsed.values.get('org-id') ?? 'default'
  try {
    const given = (name: string): string => String(members[name] ?? '').trim()
    const records = storage.limitRecords()
    const adjustments = new Adjustments()
    const subject = await subjectOf(storage, config, policy, organizationId, given, adjustments)
    const nowMs = Date.now()
    const plan =
      action === 'reset'
        ? await planReset(subject.limits, subject.facts, policy, nowMs, (takes) =>
            spentOf(storage, takes, nowMs),
          )
        : planRaise(subject.limits, subject.facts, policy, readRaise(members), nowMs)
    await untilFree(storage, () => records.adjust(plan.policy, plan.counter, plan.change, nowMs))
    await note(storage, io, {
      action: `limit.${action}`,
      target: policy,
      ...subject.tenant,
      detail: changeDetail(plan),
    })
    adjustments.replace(await records.adjustments())
    return await shown(storage, subject, policy, nowMs)
  } finally {
    await storage.close()
  }
}

/** Records a change in the audit trail. The change stays, even when it cannot be recorded. */
async function note(
  storage: Storage,
  io: Io,
  event: { readonly action: AuditAction } & Parameters<typeof audited>[1],
): Promise<void> {
  await audited(storage, event).catch((error: unknown) =>
    io.err(`note: not in the audit trail: ${error instanceof Error ? error.message : String(error)}\n`),
  )
}

/** The state of the changed limit, as a running gateway responds. The store does not know the reservations of running requests. */
async function shown(
  storage: Storage,
  { limits, facts, tenant }: Subject,
  policy: string,
  nowMs: number,
): Promise<object> {
  const budgets = limits
    .resolve(facts, nowMs)
    .limits.flatMap((limit) =>
      limit.policy.name === policy && limit.take?.kind === 'budget' ? [{ limit, take: limit.take }] : [],
    )
  const states = await spentOf(
    storage,
    budgets.map(({ take }) => take),
    nowMs,
  )
  return changedLimitJson(
    tenant,
    budgets.map(({ limit }, i) => standingOf(limit, states[i]!, nowMs)),
  )
}

/** The budget to change. */
interface Subject {
  readonly limits: CallerLimits
  readonly facts: LimitFacts
  readonly tenant: { readonly organizationId: string; readonly workspaceId: string }
}

async function subjectOf(
  storage: Storage,
  { limits, auth }: Config,
  name: string,
  organizationId: string,
  given: (name: string) => string,
  adjustments: Adjustments,
): Promise<Subject> {
  const workspaceId = given('workspace_id') || 'default'
  const keyId = given('key_id')
  const { keys } = await storage.directory().activeKeys()
  const all = [
    ...keys,
    ...auth.keys.map((key) => ({ ...tenantOfFileKey(key), id: key.id.trim(), limits: key.limits })),
  ]
  const key = all.find(
    (one) =>
      keyId !== '' &&
      one.id === keyId &&
      one.organizationId === organizationId &&
      (given('workspace_id') === '' || one.workspaceId === workspaceId),
  )
  if (keyId !== '' && !key) throw new Error(`there is no gateway key ${JSON.stringify(keyId)} there`)
  const tenant = { organizationId, workspaceId: key?.workspaceId ?? workspaceId }
  const policies: readonly LimitPolicy[] = [...limits.policies, ...(key?.limits ?? [])]
  const policy = policies.find((one) => one.name === name)
  if (!policy) throw new Error(`there is no limit named ${JSON.stringify(name)}`)
  const names = ['workspace_id', 'key_id', 'end_user', 'session_id', 'provider', 'model']
  const [missing] = missingSubject(policy, new Set(names.filter((one) => given(one) !== '')))
  if (missing !== undefined) {
    const flag = missing.replaceAll('_', '-')
    throw new GatewayError('bad_request', `--${flag} is needed: the limit "${name}" counts by it`)
  }
  const caller = { ...tenant, keyId, team: '', role: '' }
  return {
    tenant,
    limits: new CallerLimits(
      limits.policies,
      key?.limits ?? [],
      { caller, counterId: keyId },
      new TenantTallies().of(caller),
      adjustments,
    ),
    facts: {
      endUser: given('end_user'),
      sessionId: given('session_id'),
      provider: given('provider'),
      model: given('model'),
    },
  }
}

/** Spend from the ledger. */
async function spentOf(
  storage: Storage,
  takes: readonly Budget[],
  nowMs: number,
): Promise<readonly CounterState[]> {
  return Promise.all(
    takes.map(async ({ counter, unit, startMs, endMs }) => {
      const slots = await storage.spend().read([counter], startMs * 1000, [])
      const amount = (slot: (typeof slots)[number]): number =>
        unit === 'cost' ? slot.costNanoUsd + slot.assumedNanoUsd : slot.tokens
      const used = slots.reduce((sum, slot) => sum + amount(slot), 0)
      return { used, reserved: 0, resetMs: endMs - nowMs }
    }),
  )
}
