import type { TraceSummary } from '../contract/traces.ts'
import type { RollupDelta } from './rollup-delta.ts'
import { RollupSums } from './rollup-sums.ts'

/** Traces that are summed up together. As many as one roll-up takes, so that a full page is not split. */
const PAGE_TRACES = 1000

/** Pages that are kept at most: each holds as many sums as its traces have keys, sessions, users. */
const MAX_PAGES = 16

/** The sums of traces that follow each other in the order of arrival. */
interface Page {
  readonly firstSeq: number
  lastSeq: number
  readonly sums: RollupSums
  /** A roll-up has asked for it: what comes now belongs to the next one. */
  closed: boolean
}

/** What the next roll-up adds, and how far it comes. */
export interface NextSums {
  readonly deltas: readonly RollupDelta[]
  readonly lastSeq: number
  readonly traces: number
}

/**
 * The sums of the traces that one connection wrote last, so that a roll-up does not read them back. It holds only traces that are
 * committed and that nobody has changed since. What it does not hold is read.
 */
export class RecentSums {
  #pages: Page[] = []
  /** The state of other connections that the sums are of. */
  #version = 0

  /** A transaction sees what other connections have committed. @param version another number after each commit of theirs */
  see(version: number): void {
    if (version === this.#version) return
    this.forget()
    this.#version = version
  }

  /** Adds committed traces. @param traces storable ones, each with its place in the order of arrival */
  add(traces: readonly (readonly [seq: number, trace: TraceSummary])[]): void {
    for (const [seq, trace] of traces) {
      const last = this.#pages.at(-1)
      const follows = last !== undefined && last.lastSeq === seq - 1
      if (last && !follows) this.forget()
      if (last && follows && !last.closed && seq - last.firstSeq < PAGE_TRACES) {
        last.lastSeq = seq
        last.sums.add(trace)
        continue
      }
      if (this.#pages.length === MAX_PAGES) this.forget()
      const sums = new RollupSums()
      sums.add(trace)
      this.#pages.push({ firstSeq: seq, lastSeq: seq, sums, closed: false })
    }
  }

  /**
   * The sums of the traces that come right after the last one in the rollups.
   *
   * @param most traces at most @returns `undefined` when they must be read
   */
  after(rolledUpSeq: number, most: number): NextSums | undefined {
    while (this.#pages[0] && this.#pages[0].firstSeq <= rolledUpSeq) this.#pages.shift()
    const page = this.#pages[0]
    if (page?.firstSeq !== rolledUpSeq + 1) return undefined
    const { lastSeq, sums } = page
    const traces = lastSeq - rolledUpSeq
    if (traces > most) return undefined
    page.closed = true
    return { deltas: sums.deltas(), lastSeq, traces }
  }

  /** Stored traces have changed: from here on, only those that come now are known. */
  forget(): void {
    this.#pages = []
  }
}
