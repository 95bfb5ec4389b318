import { CoalescingTimer, type Clock } from '../time/coalescing-timer.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { BatchWrite } from '../telemetry/telemetry.ts'
import type { Trace } from '../traces/trace.ts'

/** How long the store may keep a batch to itself until it counts as silent. */
const SILENT_MS = 500

/** What calls of the store need around them. */
export interface StorePorts {
  readonly storage: () => Storage
  readonly clock: Clock
  /** Called while the store is silent, again and again. @returns how long until the next time */
  readonly silent: () => number
  readonly log: (level: 'INFO' | 'ERROR', message: string, fields: Record<string, unknown>) => void
  /** The store was given a batch. */
  readonly wrote?: ((write: BatchWrite) => void) | undefined
}

/** A batch that the store is being given. */
export interface StoreCall {
  /** How many traces at the head of the pending ones it holds; 0 for a replay, and once they have gone to the journal instead. */
  head: number
}

/** A trace that the store refused because of its content. */
export interface RefusedTrace {
  readonly trace: Trace
  readonly error: unknown
}

/** What came of storing traces one by one. */
export interface StoredSingly {
  readonly stored: number
  /** How many of them are new. */
  readonly added: number
  readonly refused: readonly RefusedTrace[]
}

/** The store as the trace writer sees it: gives it batches, notices its silence, and classifies its failures. */
export class StoreCalls {
  readonly #ports: StorePorts
  readonly #silenceTimer: CoalescingTimer
  readonly #failuresByClass: Record<string, number> = {}
  #failures = 0
  #current: StoreCall | undefined

  constructor(ports: StorePorts) {
    this.#ports = ports
    this.#silenceTimer = new CoalescingTimer(() => {
      if (this.#current) this.#silenceTimer.arm(ports.silent())
    }, ports.clock)
  }

  /** What the store is being given; `undefined` while it is given nothing. */
  get current(): StoreCall | undefined {
    return this.#current
  }

  /** Failures since the store worked last. */
  get failures(): number {
    return this.#failures
  }

  /** All failures, by class. */
  get failuresByClass(): Readonly<Record<string, number>> {
    return { ...this.#failuresByClass }
  }

  /** Stores a batch. @returns how many are new @throws the driver's error */
  async write(traces: readonly Trace[], call: StoreCall): Promise<number> {
    const startedAt = performance.now()
    let failed = true
    try {
      const added = await this.#give(traces, call)
      failed = false
      return added
    } finally {
      const durationUs = (performance.now() - startedAt) * 1000
      this.#ports.wrote?.({
        startedAtUs: Date.now() * 1000 - durationUs,
        durationUs,
        ids: traces.map(({ id }) => id),
        failed,
      })
    }
  }

  /**
   * The store refuses a trace of the batch because of its content: stores the rest.
   *
   * @returns the stored and the refused traces; `undefined` when it failed for another reason, and all must be tried again
   */
  async writeSingly(traces: readonly Trace[], call: StoreCall): Promise<StoredSingly | undefined> {
    const refused: RefusedTrace[] = []
    let [stored, added] = [0, 0]
    for (const trace of traces) {
      try {
        added += await this.#give([trace], call)
        stored += 1
      } catch (error) {
        if (!(await this.#refuses(error))) return undefined
        refused.push({ trace, error })
      }
    }
    return { stored, added, refused }
  }

  /** Counts a failure of `write`. @returns whether the content was the reason */
  countFailure(error: unknown, operation: string): boolean {
    const kind = this.#ports.storage().classify(error)
    this.#failuresByClass[kind] = (this.#failuresByClass[kind] ?? 0) + 1
    this.#failures += 1
    if (this.#failures === 1) {
      this.#ports.log('ERROR', 'trace store does not take traces; they go to the journal', {
        operation,
        error_class: kind,
        error: error instanceof Error ? error.message : String(error),
      })
    }
    return isRefusal(kind, error)
  }

  /** A batch was stored. */
  countSuccess(): void {
    if (this.#failures > 0) this.#ports.log('INFO', 'trace store is back', { failures: this.#failures })
    this.#failures = 0
  }

  /** Stops watching for silence. */
  end(): void {
    this.#silenceTimer.cancel()
  }

  async #give(traces: readonly Trace[], call: StoreCall): Promise<number> {
    this.#current = call
    this.#silenceTimer.arm(SILENT_MS)
    try {
      return await this.#ports.storage().write(traces)
    } finally {
      this.#current = undefined
      this.#silenceTimer.cancel()
    }
  }

  /**
   * Whether a single trace failed because of its content. A driver may also fail over a lost connection: then the store responds to
   * nothing else.
   */
  async #refuses(error: unknown): Promise<boolean> {
    const storage = this.#ports.storage()
    const kind = storage.classify(error)
    if (kind === 'constraint' || !isRefusal(kind, error)) return kind === 'constraint'
    return storage.ping().then(
      () => true,
      () => false,
    )
  }
}

/** Whether a write failed because of its content: the store says so, or the record has an unknown shape. */
function isRefusal(kind: string, error: unknown): boolean {
  return kind === 'constraint' || error instanceof TypeError || error instanceof RangeError
}
