import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely'
import { SPANS, type RollupKey } from '../rollups/rollup-delta.ts'
import type { Tables } from '../schema.ts'

/** The condition that a row of `rollups` is the one of a key. */
export function isRollup(
  key: RollupKey,
): (row: ExpressionBuilder<Tables, 'rollups'>) => ExpressionWrapper<Tables, 'rollups', SqlBool> {
  return (row) =>
    row.and({
      span: SPANS[key.span].code,
      dimension: key.dimension,
      organization_id: key.organizationId,
      workspace_id: key.workspaceId,
      start_us: key.startUs,
      value: key.value,
      provider: key.provider,
      model: key.model,
    })
}
