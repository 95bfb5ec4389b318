import type { Tenant } from '../access/key-store.ts'
import { type BudgetChange, FOREVER_MS, type Raise } from '../limits/budget-changes.ts'
import type { LimitStanding } from '../limits/policies/standing.ts'
import { formatSecond, parseTimeOrDay } from '../time/rfc3339.ts'
import { badRequest } from './bad-request.ts'
import { defined } from './defined.ts'
import type { Members } from './read-members.ts'

/** Reads how far to raise a budget. @param members of the JSON contract @throws GatewayError `bad_request` */
export function readRaise(members: Members): Raise {
  const until = members['until'] as string | undefined
  const untilUs = until === undefined ? undefined : parseTimeOrDay(until)
  if (until !== undefined && untilUs === undefined) throw badRequest('until must be YYYY-MM-DD or RFC 3339')
  return defined({
    byUsd: members['by_usd'] as number | undefined,
    toUsd: members['to_usd'] as number | undefined,
    untilMs: untilUs === undefined ? undefined : untilUs / 1000,
  })
}

/** A change as the audit trail shows it. A raise without an end has no `until`. */
export function changeDetail({ counter, change }: BudgetChange): Readonly<Record<string, unknown>> {
  if ('resetFromMs' in change) {
    const { forgivenNanoUsd, forgivenTokens } = change
    return { subject: counter, forgiven_usd: usd(forgivenNanoUsd), forgiven_tokens: forgivenTokens }
  }
  const { raisedToNanoUsd, raisedUntilMs } = change
  const until = raisedUntilMs < FOREVER_MS ? { until: formatSecond(raisedUntilMs * 1000) } : {}
  return { subject: counter, to_usd: usd(raisedToNanoUsd), ...until }
}

function usd(nano: number): number {
  return nano / 1e9
}

/** The response to a change of a budget: the present state of its limits. */
export function changedLimitJson(
  { organizationId, workspaceId }: Tenant,
  limits: readonly LimitStanding[],
): object {
  return { schema_version: 'limits.v1', org_id: organizationId, workspace_id: workspaceId, limits }
}
