import type { Budget } from './counters.ts'
import type { Ticket } from './ticket.ts'

/** Requests under way that hold a guess of a budget, because nothing is known yet of what their kind comes to. */
export class Guesses {
  /** How many, by unit and counter. */
  readonly #held = new Map<string, number>()

  /** Counts a ticket that holds a guess or asks for one (1), or does no more (-1). */
  count(ticket: Ticket, more: 1 | -1): void {
    if (!ticket.guessesAny || !ticket.counted.reserves) return
    for (const take of ticket.takes) {
      if (take.kind !== 'budget' || !ticket.guesses(take)) continue
      const name = nameOf(take)
      const held = (this.#held.get(name) ?? 0) + more
      if (held > 0) this.#held.set(name, held)
      else this.#held.delete(name)
    }
  }

  /** Whether a budget is held by one. */
  has(take: Budget): boolean {
    return this.#held.has(nameOf(take))
  }

  /** Whether they may spend a whole budget that a ticket guesses of too, if each comes to as much as is expected of that ticket. */
  maySpendAll(ticket: Ticket): boolean {
    return ticket.takes.some(
      (take) =>
        take.kind === 'budget' &&
        take.hard &&
        ticket.guesses(take) &&
        (this.#held.get(nameOf(take)) ?? 0) * ticket.expectedOf(take) >= take.limit,
    )
  }
}

function nameOf({ counter, unit }: Budget): string {
  return `${unit} ${counter}`
}
