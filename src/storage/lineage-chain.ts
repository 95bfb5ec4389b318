import { orderByLineage } from '../traces/lineage-order.ts'
import type { Trace } from '../traces/trace.ts'
import { storableTexts } from './storable.ts'
import type { TraceReader } from './contract/traces.ts'

/** What the traces of a chain have in common; empty texts do not matter. */
export interface ChainFilter {
  readonly groupId: string
  readonly threadId: string
  readonly runId: string
}

/** Traces in the order of their lineage. */
export interface LineageChain {
  readonly traces: readonly Trace[]
  /** Older traces than the limit allows were left out. */
  readonly truncated: boolean
}

/**
 * Collects the newest traces of a chain, up to a limit, and the source if it is not among them. Without anything in common the
 * source is the chain.
 */
export async function collectChain(
  reader: TraceReader,
  source: Trace,
  { groupId, threadId, runId }: ChainFilter,
  { limit, bodies }: { readonly limit: number; readonly bodies: boolean },
): Promise<LineageChain> {
  // As the columns have them.
  const filter = storableTexts({
    ...(groupId === '' ? {} : { traceGroupId: groupId }),
    ...(threadId === '' ? {} : { threadId }),
    ...(runId === '' ? {} : { runId }),
  })
  if (Object.keys(filter).length === 0) return { traces: [source], truncated: false }
  const { items, next } = await reader.wholeTraces(filter, { limit, order: 'newest', bodies })
  const all = items.some((trace) => trace.id === source.id) ? items : [...items, source]
  return { traces: orderByLineage(all), truncated: next !== undefined }
}
