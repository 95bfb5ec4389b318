import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { openPrivateFile } from '../files/private-files.ts'
import type { Cursor } from '../storage/cursor.ts'
import { writeFileAtomically } from '../files/atomic-file.ts'

/** How far an export has come. */
interface State {
  /** The query, as JSON: another query must not continue in the same file. The name is the state file's. */
  readonly question: string
  /** The query's flags: a span back from now is another range at every run, and the first run's is meant. */
  readonly words?: string
  readonly bytes: number
  readonly traces: number
  readonly after: Cursor | null
}

/**
 * A file that is written next to its final place, page by page, with a note of its progress. An export that was interrupted by a crash
 * or a full disk continues from the last page. Only its owner may read it.
 */
export class ExportFile {
  readonly #path: string
  readonly #part: string
  readonly #note: string
  readonly #file: number
  #state: State

  /**
   * @param path its final place
   * @param query the query, as JSON
   * @param words how that was put
   * @throws Error when the file is there already, or belongs to another query
   */
  constructor(path: string, query: string, words: string) {
    this.#path = path
    this.#part = `${path}.part`
    this.#note = `${path}.part.json`
    if (existsSync(path)) throw new Error(`"${path}" exists already; choose another name or delete it`)
    const known = existsSync(this.#note) && existsSync(this.#part)
    this.#state = known
      ? (JSON.parse(readFileSync(this.#note, 'utf8')) as State)
      : { question: query, words, bytes: 0, traces: 0, after: null }
    if (this.#state.question !== query && this.#state.words !== words) {
      throw new Error(
        `"${this.#part}" was begun with other options; delete it and "${this.#note}" to begin anew`,
      )
    }
    this.#file = openPrivateFile(this.#part, known ? 'r+' : 'w')
    // A page that was torn by the end of the process is written again.
    if (known) ftruncateSync(this.#file, this.#state.bytes)
  }

  /** What is exported: as the export that is gone on with was begun. */
  get query(): string {
    return this.#state.question
  }

  /** Traces that an interrupted export has left here. */
  get traces(): number {
    return this.#state.traces
  }

  /** Position of the last of them. */
  get after(): Cursor | undefined {
    return this.#state.after ?? undefined
  }

  /** Where the content lies until it is finished. */
  get partPath(): string {
    return this.#part
  }

  /** Writes a page and records it. @throws Error from the file system; earlier records stay valid */
  write(text: string, traces: number, after: Cursor | undefined): void {
    const bytes = Buffer.from(text)
    let written = 0
    while (written < bytes.length) {
      written += writeSync(this.#file, bytes, written, bytes.length - written, this.#state.bytes + written)
    }
    this.#state = {
      ...this.#state,
      bytes: this.#state.bytes + bytes.length,
      traces: this.#state.traces + traces,
      after: after ?? this.#state.after,
    }
    writeFileAtomically(this.#note, Buffer.from(JSON.stringify(this.#state)))
  }

  /** Size so far. */
  get bytes(): number {
    return fstatSync(this.#file).size
  }

  /** Moves the finished file to its place, or another one that was made from it. */
  finish(made = this.#part): void {
    fsyncSync(this.#file)
    closeSync(this.#file)
    renameSync(made, this.#path)
    for (const left of [this.#part, this.#note]) rmSync(left, { force: true })
  }

  /** Leaves it for the next run. */
  close(): void {
    closeSync(this.#file)
  }
}
