import { scrub } from './scrub.ts'

/** Longest label value. */
const MAX_LENGTH = 128

/** The value for all beyond the bound. */
const OTHER = 'other'
const UNKNOWN = 'unknown'

/**
 * Values of one label: as many as are allowed, and `other` for the rest, so that no caller can make as many series as it can make names
 * up. A value has its place from when it is first seen; it is trimmed and scrubbed.
 */
export class LabelValues {
  readonly #most: number
  readonly #known = new Map<string, string>()

  constructor(most: number) {
    this.#most = most
  }

  /** @param trusted it is known from elsewhere than from a request, so it may take a place */
  of(value: string, trusted = true): string {
    const known = this.#known.get(value)
    if (known !== undefined) return known
    const shown = scrub(value.trim()).slice(0, MAX_LENGTH)
    if (shown === '') return UNKNOWN
    if (!trusted || this.#known.size >= this.#most) return OTHER
    this.#known.set(value, shown)
    return shown
  }
}
