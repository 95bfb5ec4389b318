import type { Attempt, AttemptCause, Caller } from '../../traces/exchange.ts'

/** What was counted of one target with one credential. */
export interface TargetCounts {
  readonly target: string
  /** Name of the gateway's credential; empty for the callers' own. */
  readonly credential: string
  readonly attempts: number
  readonly failures: number
  /** Of the last attempt that did not go well; `undefined` for none. */
  readonly lastCause: AttemptCause | undefined
  /** Median of the last times to the first byte, in milliseconds; `undefined` before the first. */
  readonly firstByteP50Ms: number | undefined
}

/** Whose attempts are counted. */
type Tenant = Pick<Caller, 'organizationId' | 'workspaceId'>

/** So many times are kept of each, for the median. */
const SAMPLES = 64

/** So many pairs of tenant, target and credential are counted at most; the oldest are dropped. */
const MAX_ENTRIES = 10_000

/** Causes that are no failure of the target. */
const NO_FAILURE: ReadonlySet<AttemptCause> = new Set(['ok', 'rejected', 'client_aborted'])

class Entry {
  readonly tenant: Tenant
  readonly target: string
  readonly credential: string
  attempts = 0
  failures = 0
  /** The last failure, and when it was noted: a number that grows. */
  last: { readonly cause: AttemptCause; readonly order: number } | undefined
  readonly #firstBytesMs = new Float64Array(SAMPLES)
  #measured = 0

  constructor(tenant: Tenant, target: string, credential: string) {
    this.tenant = tenant
    this.target = target
    this.credential = credential
  }

  note({ cause, startedUs, firstByteUs }: Attempt, order: number): void {
    this.attempts += 1
    if (cause !== 'ok') this.last = { cause, order }
    if (!NO_FAILURE.has(cause)) this.failures += 1
    if (firstByteUs < 0) return
    this.#firstBytesMs[this.#measured % SAMPLES] = (firstByteUs - startedUs) / 1000
    this.#measured += 1
  }

  get firstBytesMs(): Float64Array {
    return this.#firstBytesMs.subarray(0, Math.min(this.#measured, SAMPLES))
  }
}

/** Counts the attempts at targets since the start, by tenant: nobody sees how much others ask for. */
export class TargetTraffic {
  readonly #entries = new Map<string, Entry>()
  #noted = 0

  /** Counts an attempt that has ended. @param target its name */
  note(tenant: Tenant, target: string, attempt: Attempt): void {
    const { organizationId, workspaceId } = tenant
    const credential = attempt.credential ?? ''
    const key = `${organizationId}\n${workspaceId}\n${target}\n${credential}`
    let entry = this.#entries.get(key)
    if (!entry) {
      entry = new Entry({ organizationId, workspaceId }, target, credential)
      this.#entries.set(key, entry)
      if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!)
    }
    entry.note(attempt, ++this.#noted)
  }

  /** What was counted for some tenants, one for each target and credential. */
  counts(isShown: (tenant: Tenant) => boolean): readonly TargetCounts[] {
    const byPair = new Map<string, Entry[]>()
    for (const entry of this.#entries.values()) {
      if (!isShown(entry.tenant)) continue
      const key = `${entry.target}\n${entry.credential}`
      const others = byPair.get(key)
      if (others) others.push(entry)
      else byPair.set(key, [entry])
    }
    return [...byPair.values()].map((entries) => ({
      target: entries[0]!.target,
      credential: entries[0]!.credential,
      attempts: entries.reduce((sum, { attempts }) => sum + attempts, 0),
      failures: entries.reduce((sum, { failures }) => sum + failures, 0),
      lastCause: lastOf(entries.flatMap(({ last }) => last ?? [])),
      firstByteP50Ms: medianOf(entries.flatMap(({ firstBytesMs }) => [...firstBytesMs])),
    }))
  }
}

function lastOf(failures: readonly NonNullable<Entry['last']>[]): AttemptCause | undefined {
  return failures.toSorted((a, b) => a.order - b.order).at(-1)?.cause
}

function medianOf(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]
}
