import { CoalescingTimer, systemClock, type Clock } from '../time/coalescing-timer.ts'
import type { Trace } from '../traces/trace.ts'
import type { Journal } from './journal.ts'
import type { UnfinishedFile } from './unfinished-files.ts'
import { encodeTrace } from './trace-codec.ts'

interface Unfinished {
  /** What is known so far, without content. */
  known: () => Trace
  /** Where that lies; absent until it has been written. */
  file?: UnfinishedFile
}

/** What the list needs around it. */
export interface UnfinishedPorts {
  readonly journal: Journal
  readonly flushIntervalMs: () => number
  readonly log: (level: 'ERROR', message: string, fields: Record<string, unknown>) => void
  readonly clock?: Clock
}

/**
 * Exchanges whose traces take long to build. The journal has a draft of each within the flush interval, and the next start stores it if
 * this process dies. The draft is deleted as soon as the whole trace is safe, and counts nowhere until then.
 */
export class UnfinishedTraces {
  readonly #ports: UnfinishedPorts
  readonly #byId = new Map<string, Unfinished>()
  readonly #timer: CoalescingTimer
  #failing = false

  constructor(ports: UnfinishedPorts) {
    this.#ports = ports
    this.#timer = new CoalescingTimer(() => this.#write(), ports.clock ?? systemClock)
  }

  /** Begins work on an exchange, or continues it. @param known makes its draft when that is needed */
  begin(id: string, known: () => Trace): void {
    const before = this.#byId.get(id)
    if (before) before.known = known
    else this.#byId.set(id, { known })
    this.#timer.arm(this.#ports.flushIntervalMs() / 2)
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  /** These are safe: in the store, in the journal, in quarantine, or counted as dropped. */
  settled(ids: readonly string[]): void {
    if (this.#byId.size === 0) return
    for (const id of ids) {
      const file = this.#byId.get(id)?.file
      if (file) this.#ports.journal.letGo(file)
      this.#byId.delete(id)
    }
  }

  #write(): void {
    const waiting = [...this.#byId.values()].filter(({ file }) => !file)
    if (waiting.length === 0) return
    try {
      const payloads = waiting.map(({ known }) => encodeTrace(known()))
      const file = this.#ports.journal.keepUnfinished(payloads)
      for (const unfinished of waiting) unfinished.file = file
      this.#failing = false
    } catch (error) {
      // The traces are made all the same; only a process that dies meanwhile would lose them.
      if (!this.#failing)
        this.#ports.log('ERROR', 'what is known of unfinished traces cannot be journalled', {
          error: error instanceof Error ? error.message : String(error),
          unfinished: waiting.length,
        })
      this.#failing = true
    }
  }
}
