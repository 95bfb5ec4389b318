import { statSync } from 'node:fs'
import { join } from 'node:path'
import { realPath, type JournalFile } from './journal-files.ts'
import type { JournalNotes } from './journal-notes.ts'
import { hasOpen } from './journal-owner.ts'

/** How long a segment of an earlier version must not have changed before it is taken over; longer where its process may live. */
const QUIET_MS = 5000
const QUIET_IN_DOUBT_MS = 60_000

/** Segments of earlier versions, which put their process id in the name and take no lock. */
export class EarlierSegments {
  readonly #folder: string
  readonly #notes: JournalNotes
  /** Files as they were when they were first seen. */
  readonly #seen = new Map<string, { readonly state: string; readonly atMs: number }>()

  constructor(folder: string, notes: JournalNotes) {
    this.#folder = folder
    this.#notes = notes
  }

  /** The segments of a process that no process writes to any more. */
  abandoned(processId: string, files: readonly JournalFile[]): readonly JournalFile[] {
    const paths = files.map(({ name }) => join(this.#folder, name))
    const open = hasOpen(Number(processId), paths.map(realPath))
    if (open === true) {
      this.#notes.once(
        'INFO',
        processId,
        'journal segments are left alone: their gateway runs',
        `process ${processId}, of an earlier version, has them open`,
      )
      return []
    }
    const quietMs = open === undefined ? QUIET_IN_DOUBT_MS : QUIET_MS
    return files.filter((_, i) => {
      if (this.#isQuiet(paths[i]!, quietMs)) return true
      this.#notes.once(
        'INFO',
        processId,
        'journal segments of an earlier version are left alone for now',
        `they changed within ${quietMs / 1000} s`,
      )
      return false
    })
  }

  /** Whether a file has not changed for some time: by the clock, or if the clock is wrong, since it was first seen. */
  #isQuiet(path: string, quietMs: number): boolean {
    try {
      const { size, mtimeMs } = statSync(path)
      const state = `${size} ${mtimeMs}`
      const seen = this.#seen.get(path)
      if (seen?.state !== state) this.#seen.set(path, { state, atMs: performance.now() })
      else if (performance.now() - seen.atMs >= quietMs) return true
      return Date.now() - mtimeMs >= quietMs
    } catch {
      return false
    }
  }
}
