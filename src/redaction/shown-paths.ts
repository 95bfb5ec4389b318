import { shownPath } from './paths.ts'
import { Redaction } from './redaction.ts'
import type { ScopeFacts } from './scopes.ts'
import type { RedactionSettings } from './settings.ts'

/** Paths of requests as the serving thread may log them, by the policy that applies to each. */
export class ShownPaths {
  readonly #settings: RedactionSettings
  #redaction: Redaction | undefined

  constructor(settings: RedactionSettings) {
    this.#settings = settings
  }

  /**
   * @param path the request's, or a part of it
   * @param facts of the request; `route` is its whole path
   */
  shown(path: string, facts: ScopeFacts): string {
    // Most processes never log one.
    this.#redaction ??= new Redaction(this.#settings)
    const { mode } = this.#redaction.scopes.resolve(facts)
    return shownPath(path, mode.storage ? this.#redaction.rulesOf(facts) : undefined).path
  }
}
