import type { Encoding } from '../../usage/estimate.ts'
import { Tokenizers } from './tokenizers.ts'

/** Longest time in one go: whatever else the thread has to do comes in between. */
const TURN_MS = 10

/** Who waits for so long is estimated by the length of its text, so that the thread catches up. */
const BEHIND_MS = 5000

interface Work {
  readonly encoding: Encoding
  readonly queuedAt: number
  readonly run: () => void
}

/**
 * What needs tokens to be counted, one after another. Counting takes milliseconds for prose and a tenth of a second for noise; nothing else
 * of the recorder's work may wait for it.
 */
export class TokenCounting {
  readonly #now: () => number
  readonly #tokenizers = new Tokenizers()
  readonly #queue: Work[] = []
  #running: Promise<void> | undefined
  #behind = false
  #hurry = false

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Runs something as soon as its tokens can be counted, never at once. */
  add(encoding: Encoding, run: () => void): void {
    this.#queue.push({ encoding, queuedAt: this.#now(), run })
    this.#running ??= this.#work()
  }

  /** Tokens of a text, for what runs now; `undefined` when its length must do. */
  count(encoding: Encoding, text: string): number | undefined {
    return this.#behind || this.#hurry ? undefined : this.#tokenizers.count(encoding, text)
  }

  /** From now on lengths must do: the process ends. */
  hurry(): void {
    this.#hurry = true
  }

  /** Settles when nothing waits. Rejects when something that ran did not; what comes behind it goes on with the next call. */
  async finished(): Promise<void> {
    if (this.#queue.length > 0) this.#running ??= this.#work()
    await this.#running
  }

  async #work(): Promise<void> {
    try {
      await this.#workOff()
    } finally {
      this.#running = undefined
    }
  }

  async #workOff(): Promise<void> {
    let turnUntil = 0
    while (this.#queue.length > 0) {
      await this.#tokenizers.load(this.#queue[0]!.encoding)
      if (performance.now() >= turnUntil) {
        await new Promise((resolve) => setImmediate(resolve))
        turnUntil = performance.now() + TURN_MS
      }
      const { queuedAt, run } = this.#queue.shift()!
      this.#behind = this.#now() - queuedAt > BEHIND_MS
      run()
    }
  }
}
