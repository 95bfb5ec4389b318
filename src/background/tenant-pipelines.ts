import type { Caller } from '../traces/exchange.ts'
import { pipelineDiagnostics, type PipelineDiagnostics } from './diagnostics.ts'

/** Where an exchange that the recorder accepted has gone. */
export type Fate = 'stored' | 'journalled' | 'quarantined' | 'dropped'

/** How many records of a tenant came out of the journal and were stored. */
export type ReplayedCount = readonly [organizationId: string, workspaceId: string, records: number]

interface Tally {
  readonly tenant: Pick<Caller, 'organizationId' | 'workspaceId'>
  accepted: number
  refused: number
  pending: number
  pendingHighWatermark: number
  bytes: number
  bytesHighWatermark: number
  stored: number
  spilled: number
  replayed: number
  quarantined: number
  dropped: number
  journal: number
}

/**
 * Counts what became of each tenant's exchanges, so that a tenant can be shown its own part of the pipeline's diagnostics.
 *
 * Only exchanges that this process accepted are counted. A journal file that is removed from outside goes unnoticed
 * here: its records stay in `journal_records`.
 */
export class TenantPipelines {
  readonly #tallies = new Map<string, Tally>()
  /** The tally of a caller, so that a request builds no name. */
  readonly #known = new WeakMap<Caller, Tally>()

  accepted(caller: Caller, bytes: number): void {
    const tally = this.#of(caller)
    tally.accepted += 1
    tally.pending += 1
    tally.bytes += bytes
    tally.pendingHighWatermark = Math.max(tally.pendingHighWatermark, tally.pending)
    tally.bytesHighWatermark = Math.max(tally.bytesHighWatermark, tally.bytes)
  }

  /** The queue was full. */
  refused(caller: Caller): void {
    this.#of(caller).refused += 1
  }

  settled(caller: Caller, bytes: number, fate: Fate): void {
    const tally = this.#of(caller)
    tally.pending -= 1
    tally.bytes -= bytes
    switch (fate) {
      case 'stored':
        tally.stored += 1
        return
      case 'journalled':
        tally.spilled += 1
        tally.journal += 1
        return
      case 'quarantined':
        tally.quarantined += 1
        return
      case 'dropped':
        tally.dropped += 1
        return
      default:
        fate satisfies never
    }
  }

  replayed(counts: readonly ReplayedCount[]): void {
    for (const [organizationId, workspaceId, records] of counts) {
      const tally = this.#tallies.get(nameOf(organizationId, workspaceId))
      // Others are of a process before this one.
      const own = Math.min(records, tally?.journal ?? 0)
      if (!tally || own === 0) continue
      tally.journal -= own
      tally.stored += own
      tally.replayed += own
    }
  }

  /**
   * The part of the pipeline's state that is about some tenants.
   *
   * @param queue the bounds of the whole queue, which all share
   */
  diagnostics(
    isShown: (tenant: Tally['tenant']) => boolean,
    queue: { readonly maxBytes: number; readonly recordBytes: number },
  ): PipelineDiagnostics {
    const shown = [...this.#tallies.values()].filter(({ tenant }) => isShown(tenant))
    const sum = (name: Exclude<keyof Tally, 'tenant'>): number =>
      shown.reduce((total, tally) => total + tally[name], 0)
    return pipelineDiagnostics(
      {
        ...queue,
        accepted: sum('accepted'),
        dropped: sum('refused'),
        lastDropAt: 0,
        depthHighWatermark: sum('pendingHighWatermark'),
        bytes: sum('bytes'),
        bytesHighWatermark: sum('bytesHighWatermark'),
        restarts: 0,
      },
      {
        recovered: 0,
        stored: sum('stored'),
        spilled: sum('spilled'),
        replayed: sum('replayed'),
        quarantined: sum('quarantined'),
        writeDropped: sum('dropped'),
        journalRecords: sum('journal'),
        journalBytes: 0,
        observationsGivenUp: 0,
        lastWriteDropAt: 0,
        lastWriteDropOperation: '',
        writeFailuresByClass: {},
      },
    )
  }

  #of(caller: Caller): Tally {
    const known = this.#known.get(caller)
    if (known) return known
    const { organizationId, workspaceId } = caller
    const name = nameOf(organizationId, workspaceId)
    const tally = this.#tallies.get(name) ?? newTally({ organizationId, workspaceId })
    this.#tallies.set(name, tally)
    this.#known.set(caller, tally)
    return tally
  }
}

function nameOf(organizationId: string, workspaceId: string): string {
  return JSON.stringify([organizationId, workspaceId])
}

function newTally(tenant: Tally['tenant']): Tally {
  return {
    tenant,
    accepted: 0,
    refused: 0,
    pending: 0,
    pendingHighWatermark: 0,
    bytes: 0,
    bytesHighWatermark: 0,
    stored: 0,
    spilled: 0,
    replayed: 0,
    quarantined: 0,
    dropped: 0,
    journal: 0,
  }
}

/** Counts traces by tenant. */
export function countByTenant(
  traces: readonly Pick<Caller, 'organizationId' | 'workspaceId'>[],
): ReplayedCount[] {
  const counts = new Map<string, [string, string, number]>()
  for (const { organizationId, workspaceId } of traces) {
    const name = nameOf(organizationId, workspaceId)
    const count = counts.get(name) ?? [organizationId, workspaceId, 0]
    count[2] += 1
    counts.set(name, count)
  }
  return [...counts.values()]
}
