import type { RecorderTotals } from '../telemetry/recorder-totals.ts'

/** State of the trace pipeline, under the names of `GET /api/diagnostics/trace-pipeline`. */
export interface PipelineDiagnostics {
  readonly queue_capacity: number
  readonly queue_depth: number
  readonly queue_depth_high_watermark: number
  readonly queue_utilization_pct: number
  readonly queue_high_watermark_utilization_pct: number
  readonly queue_pressure_state: PressureState
  readonly queue_high_watermark_pressure_state: PressureState
  readonly enqueue_accepted_total: number
  readonly enqueue_dropped_total: number
  readonly write_dropped_total: number
  readonly total_dropped_total: number
  readonly stored_total: number
  readonly spilled_total: number
  readonly replayed_total: number
  readonly quarantined_total: number
  readonly journal_records: number
  readonly journal_bytes: number
  readonly queue_bytes: number
  readonly queue_max_bytes: number
  readonly observations_given_up_total: number
  readonly recorder_restarts_total: number
  readonly last_enqueue_drop_at?: string
  readonly last_write_drop_at?: string
  readonly last_write_drop_operation?: string
  readonly write_failures_by_class?: Readonly<Record<string, number>>
}

type PressureState = 'ok' | 'elevated' | 'high' | 'saturated'

/** What the serving thread counts itself. Bytes bound the queue; `recordBytes` is what one record takes at least. */
export interface QueueCounts {
  readonly accepted: number
  readonly dropped: number
  /** Epoch milliseconds; 0 for never. */
  readonly lastDropAt: number
  readonly depthHighWatermark: number
  readonly bytes: number
  readonly bytesHighWatermark: number
  readonly maxBytes: number
  readonly recordBytes: number
  readonly restarts: number
}

/**
 * Joins both threads' counts. The depth is what has been accepted and is not accounted for yet, so at every
 * moment `accepted = stored + depth + journal + quarantined + write_dropped`.
 */
export function pipelineDiagnostics(queue: QueueCounts, totals: RecorderTotals): PipelineDiagnostics {
  const accepted = queue.accepted + totals.recovered
  const settled = totals.stored + totals.journalRecords + totals.quarantined + totals.writeDropped
  const utilization = percentage(queue.bytes, queue.maxBytes)
  const highUtilization = percentage(queue.bytesHighWatermark, queue.maxBytes)
  const failures = Object.keys(totals.writeFailuresByClass).length > 0
  return {
    queue_capacity: Math.floor(queue.maxBytes / queue.recordBytes),
    queue_depth: accepted - settled,
    queue_depth_high_watermark: Math.max(queue.depthHighWatermark, accepted - settled),
    queue_utilization_pct: utilization,
    queue_high_watermark_utilization_pct: highUtilization,
    queue_pressure_state: pressure(utilization),
    queue_high_watermark_pressure_state: pressure(highUtilization),
    enqueue_accepted_total: accepted,
    enqueue_dropped_total: queue.dropped,
    write_dropped_total: totals.writeDropped,
    total_dropped_total: queue.dropped + totals.writeDropped,
    stored_total: totals.stored,
    spilled_total: totals.spilled,
    replayed_total: totals.replayed,
    quarantined_total: totals.quarantined,
    journal_records: totals.journalRecords,
    journal_bytes: totals.journalBytes,
    queue_bytes: queue.bytes,
    queue_max_bytes: queue.maxBytes,
    observations_given_up_total: totals.observationsGivenUp,
    recorder_restarts_total: queue.restarts,
    ...(queue.lastDropAt > 0 ? { last_enqueue_drop_at: new Date(queue.lastDropAt).toISOString() } : {}),
    ...(totals.lastWriteDropAt > 0
      ? { last_write_drop_at: new Date(totals.lastWriteDropAt).toISOString() }
      : {}),
    ...(totals.lastWriteDropOperation === ''
      ? {}
      : { last_write_drop_operation: totals.lastWriteDropOperation }),
    ...(failures ? { write_failures_by_class: totals.writeFailuresByClass } : {}),
  }
}

function percentage(part: number, whole: number): number {
  if (part <= 0 || whole <= 0) return 0
  return part >= whole ? 100 : Math.floor((part * 100) / whole)
}

function pressure(percent: number): PressureState {
  if (percent >= 100) return 'saturated'
  if (percent >= 80) return 'high'
  return percent >= 50 ? 'elevated' : 'ok'
}
