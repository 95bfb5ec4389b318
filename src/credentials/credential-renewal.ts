import type { Clock } from '../time/coalescing-timer.ts'
import type { CredentialReading } from './credential-reading.ts'

/** How long before its end a value is read anew. */
const BEFORE_EXPIRY_MS = 60_000

/** How soon a source is asked again that returned no value, unless `refresh_s` is sooner. */
const RETRY_MS = 10_000

/** The shortest pause between two readings. */
const MIN_PAUSE_MS = 1000

/**
 * When to read a source again.
 *
 * @param nowMs epoch milliseconds
 * @returns milliseconds from now
 */
export function pauseAfter(reading: CredentialReading, refreshMs: number, nowMs: number): number {
  if (reading.kind !== 'value') return Math.min(refreshMs, RETRY_MS)
  const { expiresAtMs = Infinity } = reading
  const left = expiresAtMs - nowMs
  // A value that does not live for so long is read anew at half its time.
  const early = left > BEFORE_EXPIRY_MS ? left - BEFORE_EXPIRY_MS : left / 2
  return Math.max(Math.min(refreshMs, early), MIN_PAUSE_MS)
}

/** Reads the source of one credential again and again, and when it is asked to. */
export class CredentialRenewal {
  readonly #refreshMs: number
  readonly #read: () => Promise<CredentialReading>
  readonly #take: (reading: CredentialReading) => void
  readonly #clock: Clock
  readonly #nowMs: () => number
  #current: Promise<void> | undefined
  #next: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #stopped = false

  /**
   * @param read never fails
   * @param take gets every reading
   * @param nowMs epoch milliseconds
   */
  constructor(
    refreshMs: number,
    read: () => Promise<CredentialReading>,
    take: (reading: CredentialReading) => void,
    clock: Clock,
    nowMs: () => number,
  ) {
    this.#refreshMs = refreshMs
    this.#read = read
    this.#take = take
    this.#clock = clock
    this.#nowMs = nowMs
  }

  /** Resolves after a reading that began after this call. Several calls share one. */
  renew(): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    if (!this.#current) return this.#begin()
    this.#next ??= this.#current.then(() => this.#begin())
    return this.#next
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #begin(): Promise<void> {
    this.#cancel?.()
    this.#next = undefined
    this.#current = this.#readOnce()
    return this.#current
  }

  async #readOnce(): Promise<void> {
    const reading = await this.#read()
    this.#current = undefined
    if (this.#stopped) return
    this.#take(reading)
    this.#cancel = this.#clock.after(
      pauseAfter(reading, this.#refreshMs, this.#nowMs()),
      () => void this.renew(),
    )
  }
}
