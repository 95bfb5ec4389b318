const DAY_US = 86_400_000_000
const SECOND_US = 1_000_000

/** Between these two, changes of a zone's offset are looked for; outside of it, the nearest offset counts. */
const CHANGES_FROM_US = Date.UTC(2000, 0, 1) * 1000
const CHANGES_UNTIL_US = Date.UTC(2040, 0, 1) * 1000

/** No zone changes its offset and changes it back within this time. */
const SAMPLE_US = 7 * DAY_US

/** From a moment on, what is added to UTC for local time. Both in microseconds. */
export interface OffsetChange {
  readonly fromUs: number
  readonly offsetUs: number
}

/** A time zone of the IANA database: where its days begin. Times are epoch microseconds, days are counted from 1970-01-01. */
export class TimeZone {
  readonly name: string
  /** Absent of UTC, which needs no database of zones. To open that takes as long as a tenth of a start. */
  readonly #format: Intl.DateTimeFormat | undefined
  #changes: readonly OffsetChange[] | undefined

  /** @throws RangeError when there is no such zone */
  constructor(name: string) {
    if (name === 'UTC') {
      this.name = name
      return
    }
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    this.name = this.#format.resolvedOptions().timeZone
  }

  /** What is added to UTC for local time. */
  offsetUs(us: number): number {
    if (!this.#format) return 0
    const seconds = Math.floor(us / SECOND_US)
    const parts: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(seconds * 1000)) parts[type] = Number(value)
    const { year, month, day, hour, minute, second } = parts as Record<
      'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
      number
    >
    return (Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - seconds) * SECOND_US
  }

  /** The local day of a moment. */
  dayOf(us: number): number {
    return Math.floor((us + this.offsetUs(us)) / DAY_US)
  }

  /** When a local day begins: at midnight, or where the clock skips midnight, when it skips it. */
  startOfDay(day: number): number {
    const midnight = day * DAY_US
    let before = midnight - DAY_US
    let after = midnight + DAY_US
    const [earlier, later] = [this.offsetUs(before), this.offsetUs(after)]
    // The larger offset gives the earlier moment: of two midnights, the first.
    for (const offset of [Math.max(earlier, later), Math.min(earlier, later)]) {
      if (this.offsetUs(midnight - offset) === offset) return midnight - offset
    }
    while (after - before > SECOND_US) {
      const middle = middleOf(before, after)
      if (this.offsetUs(middle) === earlier) before = middle
      else after = middle
    }
    return after
  }

  /** Every offset from 2000 to 2039 in order; the first counts for what is before, too. */
  changes(): readonly OffsetChange[] {
    return (this.#changes ??= this.#findChanges())
  }

  #findChanges(): OffsetChange[] {
    let offsetUs = this.offsetUs(CHANGES_FROM_US)
    const changes = [{ fromUs: CHANGES_FROM_US, offsetUs }]
    for (let us = CHANGES_FROM_US; us < CHANGES_UNTIL_US; us += SAMPLE_US) {
      const next = this.offsetUs(us + SAMPLE_US)
      if (next === offsetUs) continue
      let [before, after] = [us, us + SAMPLE_US]
      while (after - before > SECOND_US) {
        const middle = middleOf(before, after)
        if (this.offsetUs(middle) === offsetUs) before = middle
        else after = middle
      }
      offsetUs = next
      changes.push({ fromUs: after, offsetUs })
    }
    return changes
  }
}

/** A whole second between two. */
function middleOf(before: number, after: number): number {
  return Math.floor((before + after) / 2 / SECOND_US) * SECOND_US
}

const known = new Map<string, TimeZone>()

/** The zone of an IANA name, whose case does not matter; `undefined` when there is none, and for bare offsets such as `+02:00`. */
export function timeZoneOf(name: string): TimeZone | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined
  try {
    const zone = known.get(name) ?? new TimeZone(name)
    // By its own name alone: spellings are without number, zones are some hundreds.
    const kept = known.get(zone.name) ?? zone
    known.set(kept.name, kept)
    return kept
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Days begin at midnight UTC. */
export const UTC: TimeZone = timeZoneOf('UTC')!
