import type { Ticket } from './ticket.ts'

/** Exchanges that have ended and whose receipts have not come yet. */
export class UnsettledTickets {
  readonly #tickets = new Map<number, Ticket>()
  #numbers = 0

  /** Awaits the receipt of a ticket, which comes under the number that it gets. */
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
}
