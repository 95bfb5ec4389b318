import type { Measures } from '../contract/analytics.ts'
import type { TraceSummary } from '../contract/traces.ts'
import { MEASURES, measureIn } from './measures.ts'
import type { RollupKey } from './rollup-delta.ts'
import { rollUp } from './rollup-sums.ts'

/** Measures that another price changes. */
export const COST_MEASURES = [
  'costNanoUsd',
  'unknownCostRequests',
  'estimatedCostRequests',
  'includedRequests',
  'listPriceNanoUsd',
  'unmeteredRequests',
] as const satisfies readonly (keyof Measures)[]

/** What other costs of traces change in one rollup. */
export interface CostChange {
  readonly key: RollupKey
  readonly changes: Record<(typeof COST_MEASURES)[number], number>
}

/** The changes in the rollups when traces get other costs. Both lists are of the same traces in the same order. */
export function costChanges(before: readonly TraceSummary[], after: readonly TraceSummary[]): CostChange[] {
  const old = rollUp(before)
  return rollUp(after).flatMap(({ key, measures }, i) => {
    const changes = Object.fromEntries(
      COST_MEASURES.map((name) => [name, measureIn(measures, name) - measureIn(old[i]!.measures, name)]),
    ) as CostChange['changes']
    return COST_MEASURES.some((name) => changes[name] !== 0) ? [{ key, changes }] : []
  })
}

/** Columns and their changes, as a statement sets them. */
export function changedColumns({ changes }: CostChange): [column: string, by: number][] {
  return COST_MEASURES.map((name) => [MEASURES[name].column, changes[name]])
}
