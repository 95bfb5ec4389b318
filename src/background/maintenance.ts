import type { Storage } from '../storage/contract/storage.ts'
import type { HourPlace, TraceMaintenance } from '../storage/contract/trace-maintenance.ts'
import type { ClassRetention, RetentionConfig } from '../storage/settings.ts'

/** How often new traces are added to the rollups, and how many in one transaction: some milliseconds of the writer's lock. */
const ROLL_UP_MS = 2000
const ROLL_UP_TRACES = 1000

/** How often retention runs, the first time soon after the start. */
const RETENTION_MS = 10 * 60_000
const FIRST_RETENTION_MS = 15_000

/** Hours of an earlier version that are summed up again between two roll-ups: about a second's work. */
const STEP_HOURS = 50

/** What is deleted in one transaction, and the rest between two: writers come in between. */
const STEP_TRACES = 250
const STEP_ROLLUPS = 2000
const STEP_PAUSE_MS = 20

const DAY_US = 86_400_000_000

/** After so many days the ledger drops which gateway spent what. */
const FOLD_DAYS = 3

/** Bytes of a trace besides its details, about: its row and the indexes over it. */
const ROW_BYTES = 900

/** What maintenance needs around it. */
export interface MaintenancePorts {
  readonly storage: Storage
  readonly retention: () => RetentionConfig
  readonly log: (level: 'INFO' | 'WARN', message: string, fields: Record<string, unknown>) => void
}

/**
 * Maintains a store beside the recording: sums new traces up, deletes by retention, gives space back. It works in small steps, each a
 * transaction. A step that fails waits for the next turn; the writer reports the store's errors.
 */
export class Maintenance {
  readonly #ports: MaintenancePorts
  readonly #jobs: TraceMaintenance
  readonly #stopped = new AbortController()
  #turn: Promise<void> = Promise.resolve()
  /** How far the hours of earlier versions are refined. */
  #refined: HourPlace | 'none' | 'all' = 'none'

  constructor(ports: MaintenancePorts) {
    this.#ports = ports
    this.#jobs = ports.storage.maintenance()
    this.#every(ROLL_UP_MS, ROLL_UP_MS, () => this.rollUp().then(() => this.refine()))
    this.#every(FIRST_RETENTION_MS, RETENTION_MS, () => this.retain(Date.now() * 1000))
  }

  /** Ends after the current step. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#turn
  }

  /** Sums up all traces that are not in the rollups yet. */
  async rollUp(): Promise<void> {
    while ((await this.#jobs.rollUp(ROLL_UP_TRACES)) === ROLL_UP_TRACES) {
      if (await this.#paused()) return
    }
  }

  /** Replaces some of the hours that an earlier version summed up by their quarters, as far as their traces are there. */
  async refine(): Promise<void> {
    for (let hours = 0; hours < STEP_HOURS && this.#refined !== 'all'; hours += 1) {
      const after = this.#refined === 'none' ? undefined : this.#refined
      this.#refined = (await this.#jobs.refineHour(after)) ?? 'all'
      if (this.#refined !== 'all' && (await this.#paused())) return
    }
  }

  /**
   * Deletes what is older or larger than the settings allow, oldest first.
   *
   * @param nowUs epoch microseconds
   */
  async retain(nowUs: number): Promise<void> {
    // Gateways of an earlier version on the same store still sum up by hour.
    if (this.#refined === 'all') this.#refined = 'none'
    const { bodies, traces, rollups, audit } = this.#ports.retention()
    const deleted = {
      bodies: await this.#withinLimits(bodies, nowUs, 'bodies'),
      traces: await this.#withinLimits(traces, nowUs, 'traces'),
      rollups: await this.#inSteps(rollups.maxAgeDays, nowUs, (beforeUs) =>
        this.#jobs.deleteRollups(beforeUs, STEP_ROLLUPS),
      ),
      audit: await this.#inSteps(audit.maxAgeDays, nowUs, (beforeUs) =>
        this.#ports.storage.auditTrail().deleteBefore(beforeUs, STEP_ROLLUPS),
      ),
    }
    await this.#inSteps(FOLD_DAYS, nowUs, (beforeUs) =>
      this.#ports.storage.spend().fold(beforeUs, STEP_TRACES),
    )
    if (Object.values(deleted).every((count) => count === 0)) return
    while (await this.#ports.storage.shrink()) if (await this.#paused()) return
    this.#ports.log('INFO', 'retention deleted', deleted)
  }

  async #withinLimits(limits: ClassRetention, nowUs: number, kind: 'bodies' | 'traces'): Promise<number> {
    const step = (beforeUs: number): Promise<number> =>
      kind === 'bodies'
        ? this.#jobs.deleteBodies(beforeUs, STEP_TRACES)
        : this.#jobs.deleteTraces(beforeUs, STEP_TRACES)
    let deleted = 0
    const repeat = async (beforeUs: number, wanted: () => Promise<boolean>): Promise<void> => {
      while (await wanted()) {
        const count = await step(beforeUs)
        deleted += count
        if (count === 0 || (await this.#paused())) return
      }
    }
    if (limits.maxAgeDays > 0) await repeat(nowUs - limits.maxAgeDays * DAY_US, async () => true)
    if (limits.maxBytes > 0) {
      await repeat(Number.MAX_SAFE_INTEGER, async () => (await this.#bytesOf(kind)) > limits.maxBytes)
    }
    return deleted
  }

  async #bytesOf(kind: 'bodies' | 'traces'): Promise<number> {
    const { traces, traceBytes, bodyBytes } = await this.#jobs.counters()
    return kind === 'bodies' ? bodyBytes : traceBytes + bodyBytes + traces * ROW_BYTES
  }

  /** Repeats a step for everything older than so many days, until nothing is left; 0 days means never. @returns the sum of the steps */
  async #inSteps(days: number, nowUs: number, step: (beforeUs: number) => Promise<number>): Promise<number> {
    let done = 0
    if (days === 0) return done
    for (;;) {
      const count = await step(nowUs - days * DAY_US)
      done += count
      if (count === 0 || (await this.#paused())) return done
    }
  }

  /** Lets other work run. @returns whether maintenance must end */
  async #paused(): Promise<boolean> {
    await Bun.sleep(STEP_PAUSE_MS)
    return this.#stopped.signal.aborted
  }

  /** Runs a job again and again, never two at once. */
  #every(firstMs: number, thenMs: number, job: () => Promise<void>): void {
    const { signal } = this.#stopped
    const timer = setTimeout(() => {
      this.#turn = this.#turn
        .then(() => (signal.aborted ? undefined : job()))
        .catch(() => undefined)
        .finally(() => {
          if (!signal.aborted) this.#every(thenMs, thenMs, job)
        })
    }, firstMs)
    timer.unref()
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }
}
