import type { Ticket } from './ticket.ts'

/** Exchanges that have ended and whose receipts have not come yet. */
export class UnsettledTickets {
  readonly #tickets = new Map<number, Ticket>()
  #numbers = 0

  /** Adds a ticket, and returns the number under which its receipt will come. */
  add(ticket: Ticket): void {
    ticket.number = this.#numbers += 1
    this.#tickets.set(ticket.number, ticket)
  }

  /** Removes and returns the ticket of a receipt. `undefined` if no ticket waits for it. */
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
