import { formatSecond } from '../../time/rfc3339.ts'
import type { Limit } from './limit.ts'
import type { LimitKind } from './policy.ts'
import type { CounterState } from './take.ts'

/** A limit and where it stands, in the names of the JSON contract. */
export interface LimitStanding {
  readonly name: string
  readonly kind: LimitKind
  readonly per: string
  readonly split_by?: string
  /** Requests, tokens, bytes, or USD. */
  readonly limit: number
  readonly used: number
  /** Expected by requests in progress. */
  readonly reserved?: number
  readonly period?: string
  readonly time_zone?: string
  readonly enforcement?: string
  /** Requests that a subscription pays for count too, at list prices. */
  readonly count_included?: true
  /** When there is room again, as far as known. */
  readonly reset?: string
}

/** Where a limit stands. Money is in USD. */
export function standingOf(
  limit: Limit,
  { used, reserved, resetMs }: CounterState,
  nowMs: number,
): LimitStanding {
  const { policy, kind, value, forgiven = 0 } = limit
  const amount = (number: number): number => (kind === 'cost' ? number / 1e9 : number)
  const budget = kind === 'cost' || kind === 'tokens'
  const resets = Number.isFinite(resetMs) && (budget || resetMs > 0)
  return {
    name: policy.name,
    kind,
    per: policy.per,
    ...(policy.splitBy === '' ? {} : { split_by: policy.splitBy }),
    limit: amount(value),
    used: amount(Math.max(0, used - forgiven)),
    ...(budget
      ? {
          reserved: amount(reserved),
          period: policy.budget.period,
          time_zone: policy.budget.timeZone,
          enforcement: policy.budget.enforcement,
          ...(policy.budget.countIncluded ? { count_included: true as const } : {}),
        }
      : {}),
    ...(resets ? { reset: formatSecond((nowMs + Math.max(0, resetMs)) * 1000) } : {}),
  }
}
