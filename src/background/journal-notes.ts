import { basename } from 'node:path'

/** Log of the journal's work with files. */
export type JournalLog = (
  level: 'INFO' | 'WARN' | 'ERROR',
  message: string,
  fields: Record<string, unknown>,
) => void

/** What the journal of a folder logs of its files. */
export class JournalNotes {
  readonly #folder: string
  readonly #log: JournalLog
  /** Messages already logged, so that each is logged once. */
  readonly #said = new Set<string>()

  constructor(folder: string, log: JournalLog) {
    this.#folder = folder
    this.#log = log
  }

  /** Once for each subject and message. @param subject a path, or an owner's token */
  once(level: 'INFO' | 'ERROR', subject: string, message: string, reason: unknown): void {
    const said = `${message} ${subject}`
    if (this.#said.has(said)) return
    this.#said.add(said)
    const why = reason instanceof Error ? reason.message : String(reason)
    this.#log(level, message, { folder: this.#folder, owner: basename(subject), reason: why })
  }

  /** A segment cannot be opened or read. */
  unreadable(path: string, error: unknown): void {
    this.once('ERROR', path, 'a journal segment cannot be read and is left where it is', error)
  }

  adopted(fields: { readonly owner: string; readonly records: number; readonly damaged: number }): void {
    this.#log('INFO', 'journal segments of a gateway that has ended were taken over', {
      folder: this.#folder,
      ...fields,
    })
  }

  damaged(segment: string, damaged: number, readable: number): void {
    this.#log(
      'ERROR',
      'a journal segment is damaged; what is whole in it is read, and the file is kept in quarantine',
      { segment, damaged, readable },
    )
  }
}
