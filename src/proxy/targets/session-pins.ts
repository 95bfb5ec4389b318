/** Sessions that are remembered. The one that was silent longest is forgotten first. */
const MAX_SESSIONS = 20_000

/** Which target each session is at, by alias. */
export class SessionPins {
  readonly #pins = new Map<string, string>()

  /** Name of the target that a session is at; `undefined` for none. */
  of(alias: string, session: string): string | undefined {
    const key = keyOf(alias, session)
    const target = this.#pins.get(key)
    if (target === undefined) return undefined
    this.#pins.delete(key)
    this.#pins.set(key, target)
    return target
  }

  set(alias: string, session: string, target: string): void {
    const key = keyOf(alias, session)
    this.#pins.delete(key)
    this.#pins.set(key, target)
    if (this.#pins.size <= MAX_SESSIONS) return
    for (const oldest of this.#pins.keys()) {
      this.#pins.delete(oldest)
      return
    }
  }
}

function keyOf(alias: string, session: string): string {
  return `${alias}\n${session}`
}
