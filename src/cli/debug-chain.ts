import { collectChain } from '../storage/lineage-chain.ts'
import type { TraceReader } from '../storage/contract/traces.ts'
import { checkpointDiff, type CheckpointDiff } from '../traces/checkpoint-diff.ts'
import { lineageOf } from '../traces/lineage.ts'
import type { Trace } from '../traces/trace.ts'

/** The flags of `debug`. Absent flags are empty texts. */
export interface DebugOptions {
  readonly format: 'text' | 'json'
  readonly traceId: string
  readonly groupId: string
  readonly threadId: string
  readonly runId: string
  readonly limit: number
  readonly diff: boolean
  /** Folder for a bundle; empty for none. */
  readonly bundle: string
  readonly headers: boolean
  readonly bodies: boolean
}

/** The shown chain, and what its traces share. */
export interface DebugChain {
  readonly source: Trace
  readonly checkpoints: readonly Trace[]
  readonly truncated: boolean
  readonly groupId: string
  readonly threadId: string
  readonly runId: string
  readonly identifier: string
  /** From each checkpoint to the next; empty without the flag. */
  readonly diffs: readonly CheckpointDiff[]
}

/** The trace that the flags name, or the newest that they match. */
export async function findSource(reader: TraceReader, options: DebugOptions): Promise<Trace | undefined> {
  if (options.traceId !== '') return reader.getTrace(options.traceId)
  const { groupId, threadId, runId } = options
  const filter = {
    ...(groupId === '' ? {} : { traceGroupId: groupId }),
    ...(threadId === '' ? {} : { threadId }),
    ...(runId === '' ? {} : { runId }),
  }
  const { items } = await reader.wholeTraces(filter, { limit: 1, order: 'newest', bodies: true })
  return items[0]
}

/** Reads the chain of a trace, or the one that the flags name. */
export async function readChain(
  reader: TraceReader,
  source: Trace,
  options: DebugOptions,
): Promise<DebugChain> {
  const filtered = [options.groupId, options.threadId, options.runId].some((value) => value !== '')
  const own = lineageOf(source)
  const common = {
    groupId: filtered ? options.groupId : (own.group_id ?? ''),
    threadId: filtered ? options.threadId : (own.thread_id ?? ''),
    runId: filtered ? options.runId : (own.run_id ?? ''),
  }
  const names = [
    ...(common.groupId === '' ? [] : ['trace_group_id']),
    ...(common.threadId === '' ? [] : ['lineage_thread_id']),
    ...(common.runId === '' ? [] : ['lineage_run_id']),
  ]
  const bodies = options.bodies || options.diff
  const { traces, truncated } = await collectChain(reader, source, common, { limit: options.limit, bodies })
  return {
    ...common,
    source,
    checkpoints: traces,
    truncated,
    identifier: filtered && names.length > 1 ? 'composite_filter' : (names[0] ?? '(single trace)'),
    diffs: options.diff ? traces.slice(1).map((trace, i) => checkpointDiff(traces[i]!, trace)) : [],
  }
}
