import type { Target } from './target.ts'

/** Where the targets of one tier stand. */
interface Tier {
  /** The turn of the latest choice. */
  turn: number
  /** The next turn of each target. */
  readonly next: Map<string, number>
}

/**
 * Shares requests among the targets of a tier by weight, evenly over time. Every target has a next turn, and the earliest is chosen; each choice
 * moves it on by 1 ÷ weight. A target that was out takes up the present turn when it is back: it owes nothing.
 *
 * @see https://doi.org/10.1145/248156.248171 (start-time fair queueing)
 */
export class FairShares {
  readonly #tiers = new Map<string, Tier>()

  /** The turn of a target; the earliest is to be chosen. @param alias whose shares these are */
  turnOf(alias: string, target: Target): number {
    const tier = this.#tiers.get(keyOf(alias, target))
    return tier ? Math.max(tier.turn, tier.next.get(target.name) ?? 0) : 0
  }

  /** A target was chosen. */
  chose(alias: string, target: Target): void {
    const key = keyOf(alias, target)
    let tier = this.#tiers.get(key)
    if (!tier) this.#tiers.set(key, (tier = { turn: 0, next: new Map() }))
    tier.turn = Math.max(tier.turn, tier.next.get(target.name) ?? 0)
    tier.next.set(target.name, tier.turn + 1 / target.weight)
  }

  clear(): void {
    this.#tiers.clear()
  }
}

function keyOf(alias: string, { tier }: Target): string {
  return `${tier} ${alias}`
}
