import { createHash } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { parseRead, readPriceBytes } from '../config/price-file.ts'
import type { FiledTable } from '../usage/price-table.ts'

/** How often the file is checked, in milliseconds. Polling works on every file system and survives a replaced file. */
const LOOK_MS = 2000

/** Follows the operator's price list: a changed one is read, and handed on only if all of it is valid. */
export class PriceFileWatch {
  readonly #changed: (list: FiledTable) => void
  readonly #refused: (path: string, reason: string) => void
  #path = ''
  #sha256 = ''
  #soon: Timer | undefined

  constructor(listeners: {
    readonly changed: (list: FiledTable) => void
    readonly refused: (path: string, reason: string) => void
  }) {
    this.#changed = listeners.changed
    this.#refused = listeners.refused
  }

  /**
   * Follows another file from now on.
   *
   * @param path empty for none
   * @param sha256 of the content that is in force
   */
  follow(path: string, sha256: string): void {
    this.stop()
    this.#path = path
    this.#sha256 = sha256
    if (path === '') return
    watchFile(path, { interval: LOOK_MS, persistent: false }, this.#look)
    // It may have changed since it was read for the settings.
    this.#soon = setTimeout(this.#look, LOOK_MS)
    this.#soon.unref()
  }

  stop(): void {
    clearTimeout(this.#soon)
    if (this.#path !== '') unwatchFile(this.#path, this.#look)
    this.#path = ''
  }

  readonly #look = (): void => {
    if (this.#path === '') return
    try {
      const read = readPriceBytes(this.#path)
      const sha256 = createHash('sha256').update(read.bytes).digest('hex')
      if (sha256 === this.#sha256) return
      // Also of a refused one, so that it is reported once.
      this.#sha256 = sha256
      this.#changed(parseRead(this.#path, read))
    } catch (error) {
      this.#refused(this.#path, (error as Error).message)
    }
  }
}
