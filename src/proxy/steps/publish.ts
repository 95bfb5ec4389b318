import type { AuditAction } from '../../audit/audit-event.ts'
import type { GatewayErrorCode } from '../../errors.ts'
import { modelOfTarget } from '../../providers/target-models.ts'
import type { Attempt, Exchange, Fidelity, Outcome, SideInspection } from '../../traces/exchange.ts'
import type { ContentHashes } from '../exchange/content-hashes.ts'
import type { OpenExchange } from '../exchange/open-exchange.ts'
import type { PolicyNotes } from '../exchange/policy-notes.ts'
import { noteTargetState } from '../attempts/note-target-state.ts'
import type { ProxyContext } from '../proxy-context.ts'

/**
 * Settles an exchange that has ended, and hands it to the recorder and the audit trail. `OpenExchange.end` calls it, once, whatever
 * happened.
 */
export function publish(
  exchange: OpenExchange,
  outcome: Outcome,
  errorCode: GatewayErrorCode | '',
  context: ProxyContext,
): void {
  // Requests without a valid key must not fill the disk.
  if (exchange.unrecorded) return
  const completedUs = exchange.elapsedUs()
  if (exchange.status === 0) exchange.status = 499
  const { ticket, attempts, requestContent, responseContent } = exchange
  const sent = attempts.length > 0
  const awaitedAs =
    ticket?.end({
      sent,
      answered: (attempts.at(-1)?.firstByteUs ?? -1) >= 0,
      requestBytes: exchange.requestBytes,
      responseBytes: exchange.responseBytes,
      atMs: exchange.startedAt + completedUs / 1000,
    }) ?? 0
  const ended = attempts.map((attempt) => attempt.end(outcome, errorCode, exchange.requestBytes, completedUs))
  reportTargets(exchange, ended, context)
  const notes = notesOf(exchange)
  // A request that never reached an upstream cost nothing.
  const spend = sent ? (ticket?.spend ?? context.limits.unlimited(exchange.limits)) : null
  const end = { outcome, errorCode, completedUs, attempts: ended, spend, ticket: awaitedAs }
  const record = recordOf(exchange, end, notes)
  if (notes.inspection) auditInspection(exchange, notes.inspection, context)
  context.sink.record(record, { request: requestContent, response: responseContent })
}

/** What of a record is known only at the end. */
type End = Pick<Exchange, 'outcome' | 'errorCode' | 'completedUs' | 'attempts' | 'spend' | 'ticket'>

function recordOf(exchange: OpenExchange, end: End, notes: PolicyNotes): Exchange {
  const { outcome, errorCode, completedUs, attempts, spend, ticket } = end
  const { upstream } = exchange.target
  // Members that most exchanges do not have are set afterwards: spreads would cost more than all the others.
  const record: Mutable<Exchange> = {
    id: exchange.id,
    correlationId: exchange.correlationId,
    startedAtUs: exchange.startedAtUs,
    completedUs,
    upstreamFirstByteUs: attempts.at(-1)?.firstByteUs ?? -1,
    caller: exchange.caller,
    wire: exchange.wire,
    credentialField: upstream.credentialField,
    queryKey: exchange.queryKey,
    subscription: exchange.subscription,
    upstreamUrl: upstream.name === '' ? '' : upstream.url,
    attempts,
    method: exchange.method,
    path: exchange.path,
    requestFields: exchange.fields,
    responseFields: exchange.responseFields,
    status: exchange.status,
    outcome,
    errorCode,
    dialect: upstream.dialect,
    targetModel: attempts.at(-1)?.model ?? '',
    routeModel: exchange.wire.api === '' ? '' : modelOfTarget(exchange.readings, exchange.query),
    injected: notes.injected ?? false,
    free: exchange.free,
    requestBytes: exchange.requestBytes,
    responseBytes: exchange.responseBytes,
    responseChunks: exchange.responseChunks,
    streaming: exchange.streaming,
    request: exchange.requestFacts,
    response: exchange.responseFacts,
    spend,
    ticket,
    limitWaitUs: exchange.limitWaitUs,
    route: exchange.route,
  }
  const mutated = mutatedOf(exchange)
  if (mutated) record.mutated = mutated
  if (attempts.length > 0 && exchange.hashes) record.fidelity = fidelityOf(exchange, exchange.hashes, outcome)
  if (exchange.span) record.span = exchange.span
  if (notes.inspection) record.inspection = notes.inspection.record
  return record
}

/** Counts the attempts at targets, and reports how the last one did. A request that was refused after the choice says nothing about it. */
function reportTargets(
  { chosen, caller }: OpenExchange,
  ended: readonly Attempt[],
  context: ProxyContext,
): void {
  for (const attempt of ended) {
    if (attempt.target !== undefined) context.targetTraffic.note(caller, attempt.target, attempt)
  }
  if (!chosen) return
  const last = ended.at(-1)
  // One whose place another attempt was to take says nothing about the target that was chosen for that.
  noteTargetState(context, chosen, !last || last.failed ? 'client_aborted' : last.cause)
}

function fidelityOf(exchange: OpenExchange, hashes: ContentHashes, outcome: Outcome): Fidelity {
  const { requestContent, responseContent, attempts } = exchange
  if (requestContent) hashes.whole('request', requestContent)
  if (responseContent) hashes.whole('response', responseContent)
  return hashes.result((attempts.at(-1)?.firstByteUs ?? -1) >= 0, outcome === 'completed')
}

/** Where the model of the last target was written, and what else its call changes; `undefined` when it was sent as it came. */
function mutatedOf({
  plan,
  attempts,
  askedModel,
  target,
  query,
  changedMembers,
}: OpenExchange): readonly string[] | undefined {
  if (target.call) {
    if (attempts.length === 0) return undefined
    const path = target.call.path.includes('{model}') ? ['path.model'] : []
    const beta = new URLSearchParams(query).has('beta', 'true') ? ['query.beta'] : []
    return [...path, ...beta, ...changedMembers]
  }
  const model = attempts.at(-1)?.about.model
  return plan?.rewrite === undefined || model === undefined || model === askedModel
    ? undefined
    : [plan.rewrite]
}

const NO_NOTES: PolicyNotes = {}

function notesOf({ policies }: OpenExchange): PolicyNotes {
  if (policies.length === 0) return NO_NOTES
  return Object.assign({}, ...policies.map(({ notes }) => notes)) as PolicyNotes
}

/** Reports to the audit trail what a policy did to the content. Content that passed is only in the trace. */
function auditInspection(
  exchange: OpenExchange,
  { record, mode, policyId }: NonNullable<PolicyNotes['inspection']>,
  context: ProxyContext,
): void {
  const target = exchange.shownPath()
  const { caller } = exchange
  for (const side of ['request', 'response'] as const) {
    const decided = record[side]
    if (!decided || decided.decision === 'passed') continue
    context.audit.record({
      actor: caller.keyId === '' ? 'anonymous' : caller.keyId,
      action: AUDITED[decided.decision],
      organizationId: caller.organizationId,
      workspaceId: caller.workspaceId,
      target,
      outcome: decided.decision === 'redacted' ? 'success' : 'deny',
      reason: decided.reason ?? '',
      status: exchange.status,
      correlationId: exchange.correlationId,
      clientAddress: exchange.clientAddress,
      detail: { side, mode, policy: policyId, counts: decided.counts, ...exchange.spanFields },
    })
  }
}

/** The audit action of each decision. */
const AUDITED: Readonly<Record<Exclude<SideInspection['decision'], 'passed'>, AuditAction>> = {
  redacted: 'content.redact',
  blocked: 'content.block',
  denied: 'content.deny',
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] }
