import type { Io } from './command.ts'

/** A bar on a terminal's standard error; nothing elsewhere. */
export class Progress {
  readonly #total: number
  readonly #what: string
  readonly #io: Io
  #shownAt = 0

  /** @param what the counted things: `traces` */
  constructor(total: number, what: string, io: Io) {
    this.#total = total
    this.#what = what
    this.#io = io
  }

  show(done: number): void {
    if (!this.#io.errTerminal || (performance.now() - this.#shownAt < 100 && done < this.#total)) return
    this.#shownAt = performance.now()
    const share = this.#total === 0 ? 1 : Math.min(done / this.#total, 1)
    const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░')
    this.#io.err(`\r${bar} ${Math.round(share * 100)} %  ${done} of ${this.#total} ${this.#what}`)
  }

  clear(): void {
    if (this.#io.errTerminal) this.#io.err('\r\u001b[K')
  }
}
