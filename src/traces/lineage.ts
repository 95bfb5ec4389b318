import { given } from '../wire/json/json-field.ts'
import type { Trace } from './trace.ts'

/** Lineage of a trace as the contract shows it. Absent if the trace has none. */
export interface Lineage {
  readonly group_id?: string
  readonly thread_id?: string
  readonly run_id?: string
  readonly checkpoint_id?: string
  readonly parent_checkpoint_id?: string
  readonly checkpoint_seq?: number
  readonly immutable: boolean
}

/** Reads a trace's lineage from its metadata. The trace's own id and group stand in for missing ones. */
export function lineageOf({
  id,
  traceGroupId,
  metadata,
}: Pick<Trace, 'id' | 'traceGroupId' | 'metadata'>): Lineage {
  const sequence = metadataInteger(metadata, 'lineage_checkpoint_seq')
  return {
    ...given('group_id', metadataText(metadata, 'lineage_group_id') || traceGroupId.trim()),
    ...given('thread_id', metadataText(metadata, 'lineage_thread_id')),
    ...given('run_id', metadataText(metadata, 'lineage_run_id')),
    ...given('checkpoint_id', metadataText(metadata, 'lineage_checkpoint_id') || id.trim()),
    ...given('parent_checkpoint_id', metadataText(metadata, 'lineage_parent_checkpoint_id')),
    ...(sequence ? { checkpoint_seq: sequence } : {}),
    immutable: metadata['lineage_immutable'] !== false,
  }
}

/** A text of the metadata, trimmed. Empty if it is no text. */
export function metadataText(metadata: Readonly<Record<string, unknown>>, name: string): string {
  const value = metadata[name]
  return typeof value === 'string' ? value.trim() : ''
}

/** A whole number of the metadata, also from a text. `undefined` if it is none. */
export function metadataInteger(
  metadata: Readonly<Record<string, unknown>>,
  name: string,
): number | undefined {
  const value = metadata[name]
  if (typeof value === 'number' && Number.isFinite(value)) return Math.trunc(value)
  if (typeof value !== 'string' || !/^[-+]?\d+$/.test(value.trim())) return undefined
  return Number(value.trim())
}
