import type { RecorderTotals } from '../telemetry/recorder-totals.ts'
import type { SettledBatch } from './protocol.ts'
import type { Fate } from './tenant-pipelines.ts'

/** Exchanges that are safe, or known to be lost, and the recorder's totals then. */
export interface Settled {
  readonly ids: readonly string[]
  readonly fate: Fate
  readonly totals: RecorderTotals
}

/** Packs what has been settled for the way between threads. */
export function packSettled(settled: Settled): SettledBatch {
  return { kind: 'settled', text: JSON.stringify(settled) }
}

/** Unpacks what `packSettled` packed. */
export function unpackSettled({ text }: SettledBatch): Settled {
  return JSON.parse(text) as Settled
}
