import { nanoToUsd } from '../usage/money.ts'
import { lineageOf } from './lineage.ts'
import type { Trace } from './trace.ts'

/** What changed from one checkpoint to the next, under the names of `debug-chain.v1`. Sizes and names only, no contents. */
export interface CheckpointDiff {
  readonly from_checkpoint_id: string
  readonly to_checkpoint_id: string
  readonly provider_changed: boolean
  readonly model_changed: boolean
  readonly request_method_changed: boolean
  readonly request_path_changed: boolean
  readonly response_status_changed: boolean
  readonly input_tokens_delta: number
  readonly output_tokens_delta: number
  readonly total_tokens_delta: number
  readonly latency_delta_ms: number
  /** Null when one of the costs is unknown. */
  readonly estimated_cost_delta_usd: number | null
  readonly request_headers_changed: boolean
  readonly response_headers_changed: boolean
  readonly request_body_changed: boolean
  readonly response_body_changed: boolean
  readonly request_headers_bytes_from: number
  readonly request_headers_bytes_to: number
  readonly response_headers_bytes_from: number
  readonly response_headers_bytes_to: number
  readonly request_body_bytes_from: number
  readonly request_body_bytes_to: number
  readonly response_body_bytes_from: number
  readonly response_body_bytes_to: number
  readonly metadata_keys_added?: readonly string[]
  readonly metadata_keys_removed?: readonly string[]
  readonly metadata_keys_changed?: readonly string[]
}

/** Compares two checkpoints. Their bodies must have been read, or they count as absent. */
export function checkpointDiff(from: Trace, to: Trace): CheckpointDiff {
  const requestHeaders = sides(from, to, (trace) => headersText(trace.requestHeaders))
  const responseHeaders = sides(from, to, (trace) => headersText(trace.responseHeaders))
  const requestBody = sides(from, to, (trace) => trace.requestBody ?? new Uint8Array())
  const responseBody = sides(from, to, (trace) => trace.responseBody ?? new Uint8Array())
  const costs = [from.costNanoUsd, to.costNanoUsd] as const
  return {
    from_checkpoint_id: nameOf(from),
    to_checkpoint_id: nameOf(to),
    provider_changed: from.provider.trim() !== to.provider.trim(),
    model_changed: from.model.trim() !== to.model.trim(),
    request_method_changed: from.requestMethod.trim() !== to.requestMethod.trim(),
    request_path_changed: from.requestPath.trim() !== to.requestPath.trim(),
    response_status_changed: from.responseStatus !== to.responseStatus,
    input_tokens_delta: to.inputTokens - from.inputTokens,
    output_tokens_delta: to.outputTokens - from.outputTokens,
    total_tokens_delta: to.totalTokens - from.totalTokens,
    latency_delta_ms: to.latencyMs - from.latencyMs,
    estimated_cost_delta_usd: costs[0] === null || costs[1] === null ? null : nanoToUsd(costs[1] - costs[0]),
    request_headers_changed: requestHeaders.changed,
    response_headers_changed: responseHeaders.changed,
    request_body_changed: requestBody.changed,
    response_body_changed: responseBody.changed,
    request_headers_bytes_from: requestHeaders.from,
    request_headers_bytes_to: requestHeaders.to,
    response_headers_bytes_from: responseHeaders.from,
    response_headers_bytes_to: responseHeaders.to,
    request_body_bytes_from: requestBody.from,
    request_body_bytes_to: requestBody.to,
    response_body_bytes_from: responseBody.from,
    response_body_bytes_to: responseBody.to,
    ...metadataKeys(from.metadata, to.metadata),
  }
}

function nameOf(trace: Trace): string {
  return lineageOf(trace).checkpoint_id ?? trace.id
}

function headersText(headers: Trace['requestHeaders']): Uint8Array {
  return Buffer.from(Object.keys(headers).length === 0 ? '' : JSON.stringify(headers))
}

function sides(
  from: Trace,
  to: Trace,
  read: (trace: Trace) => Uint8Array,
): { from: number; to: number; changed: boolean } {
  const [before, after] = [read(from), read(to)]
  return { from: before.length, to: after.length, changed: Buffer.compare(before, after) !== 0 }
}

type Metadata = Trace['metadata']

function metadataKeys(
  from: Metadata,
  to: Metadata,
): Pick<CheckpointDiff, 'metadata_keys_added' | 'metadata_keys_removed' | 'metadata_keys_changed'> {
  const added = Object.keys(to).filter((key) => !(key in from))
  const removed = Object.keys(from).filter((key) => !(key in to))
  const changed = Object.keys(from).filter((key) => key in to && canonical(from[key]) !== canonical(to[key]))
  return {
    ...(added.length > 0 ? { metadata_keys_added: added.sort() } : {}),
    ...(removed.length > 0 ? { metadata_keys_removed: removed.sort() } : {}),
    ...(changed.length > 0 ? { metadata_keys_changed: changed.sort() } : {}),
  }
}

/** JSON with the members of objects in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
