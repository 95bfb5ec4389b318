import type { Ticket } from './ticket.ts'

/** Exchanges that have ended and whose receipts are on their way, and requests that wait for those. */
export class AwaitedReceipts {
  readonly #tickets = new Map<number, Ticket>()
  #numbers = 0
  #waiting: (() => void)[] = []

  /** Awaits the receipt of a ticket, which is told by the number that it gets. */
  add(ticket: Ticket): void {
    ticket.number = this.#numbers += 1
    this.#tickets.set(ticket.number, ticket)
  }

  /** The ticket of a receipt, which is no longer awaited; `undefined` for one that is not. */
  take(number: number): Ticket | undefined {
    const ticket = this.#tickets.get(number)
    this.#tickets.delete(number)
    return ticket
  }

  /** Takes those that ended before a time. @param atMs `performance.now()` */
  takeOverdue(atMs: number): readonly Ticket[] {
    const overdue = [...this.#tickets.values()].filter(({ endedAt }) => endedAt < atMs)
    for (const { number } of overdue) this.#tickets.delete(number)
    return overdue
  }

  /** Whether one is awaited that counts in a counter. */
  counts(counter: string): boolean {
    for (const { takes } of this.#tickets.values()) {
      if (takes.some((take) => take.counter === counter)) return true
    }
    return false
  }

  /** The last of a kind that has ended. */
  lastOf(pair: string): Ticket | undefined {
    let last: Ticket | undefined
    for (const ticket of this.#tickets.values()) if (ticket.pair === pair) last = ticket
    return last
  }

  /** Waits for the receipt of a ticket, for so many milliseconds at most. */
  async of({ number }: Ticket, mostMs: number): Promise<void> {
    const untilMs = performance.now() + mostMs
    while (this.#tickets.has(number) && performance.now() < untilMs) await this.next(untilMs)
  }

  /** Waits until something was settled. @param untilMs `performance.now()` at which it waits no longer */
  next(untilMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, untilMs - performance.now()))
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Something was settled: those that wait look again. */
  wake(): void {
    if (this.#waiting.length === 0) return
    for (const go of this.#waiting.splice(0)) go()
  }
}
