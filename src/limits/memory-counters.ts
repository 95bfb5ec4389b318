import type { Actual, Counters, CounterState, ReadLedger, Take, Verdict } from './counters.ts'
import { SlidingWindow } from './sliding-window.ts'
import { SubjectSpend } from './subject-spend.ts'

/** Counters of a kind that are kept; those not used for longest go first, and begin anew. */
const MAX_COUNTERS = 50_000

/** How often what others spent is read again, for subjects that were used since. */
const RELOAD_MS = 5000

/**
 * Own spending is booked in terms of an hour: the ledger is asked to leave out the current one and the one before, which are known
 * here, and tells of everything older.
 */
const TERM_MS = 3_600_000

/** What others spend, they spend lately: older times are read again now and then only, a few subjects at once. */
const LATELY_MS = 3 * TERM_MS
const WHOLE_MS = 10 * 60_000
const MAX_WHOLE = 50

/** A subject that was not asked for in this time is forgotten: nothing of it is in a term that the ledger leaves out. */
const FORGET_MS = 3 * TERM_MS

interface Reservation {
  readonly atMs: number
  readonly term: string
  /** What was reserved beyond the takes' amounts, by their index. */
  grown: number[] | undefined
}

/** Counters in the memory of one process. Spending comes from the ledger and is shared through it, a few seconds late. */
export class MemoryCounters implements Counters {
  readonly #rates = new Map<string, SlidingWindow>()
  readonly #underWay = new Map<string, number>()
  readonly #subjects = new Map<string, SubjectSpend>()
  readonly #loading = new Map<string, Promise<void>>()
  readonly #reservations = new Map<string, Reservation>()
  readonly #instance: string
  readonly #startedAtMs = Date.now()
  #termNumber = -1
  #termNames: readonly string[] = []
  readonly #readLedger: ReadLedger
  readonly #monotonicMs: () => number
  readonly #timer: ReturnType<typeof setInterval>

  /**
   * @param instance names this process in the ledger
   * @param monotonicMs milliseconds of a clock that does not jump, for rates
   */
  constructor(instance: string, readLedger: ReadLedger, monotonicMs: () => number = () => performance.now()) {
    this.#instance = instance
    this.#readLedger = readLedger
    this.#monotonicMs = monotonicMs
    this.#timer = setInterval(() => void this.reload(Date.now()), RELOAD_MS)
    this.#timer.unref()
  }

  term(nowMs: number): string {
    return this.#terms(nowMs)[0]!
  }

  admit(id: string, takes: readonly Take[], nowMs: number): Verdict | Promise<Verdict> {
    const missing = this.#missing(takes, nowMs)
    if (missing) return missing.then(() => this.#admit(id, takes, nowMs))
    return this.#admit(id, takes, nowMs)
  }

  grow(id: string, takes: readonly Take[], more: Actual): void {
    const reservation = this.#reservations.get(id)
    if (!reservation) return
    for (const [i, take] of takes.entries()) {
      if (take.kind !== 'budget') continue
      const by = take.unit === 'cost' ? more.costNanoUsd : more.tokens
      reservation.grown ??= takes.map(() => 0)
      reservation.grown[i]! += by
      this.#reserve(take, reservation.atMs, by)
    }
  }

  ended(_id: string, takes: readonly Take[]): void {
    for (const take of takes) {
      if (take.kind !== 'concurrency') continue
      const left = (this.#underWay.get(take.counter) ?? 1) - 1
      if (left <= 0) this.#underWay.delete(take.counter)
      else this.#underWay.set(take.counter, left)
    }
  }

  settle(id: string, takes: readonly Take[], actual: Actual, nowMs: number): readonly CounterState[] {
    const reservation = this.#reservations.get(id)
    if (!reservation) return []
    this.#reservations.delete(id)
    const { atMs, term, grown } = reservation
    const { costNanoUsd, tokens } = actual
    // The ledger tells of older terms by itself.
    const own = this.#terms(nowMs).includes(term)
    for (let i = 0; i < takes.length; i++) {
      const take = takes[i]!
      if (take.kind === 'rate' && take.settles) {
        const clock = this.#monotonicMs()
        this.#rate(take.counter).add(tokens - take.amount, clock, clock - (nowMs - atMs))
      } else if (take.kind === 'budget') {
        const subject = this.#subjects.get(take.counter)
        const reserved = take.amount + (grown?.[i] ?? 0)
        subject?.reserve(atMs, take.unit === 'cost' ? -reserved : 0, take.unit === 'tokens' ? -reserved : 0)
        // A subject may be counted by several budgets; it spends once.
        if (own && firstOf(takes, i)) subject?.settle(term, atMs, costNanoUsd, tokens)
      }
    }
    const states: CounterState[] = []
    for (const take of takes) states.push(take.kind === 'budget' ? this.#spent(take, nowMs) : NOTHING)
    return states
  }

  read(takes: readonly Take[], nowMs: number): readonly CounterState[] | Promise<readonly CounterState[]> {
    const states = (): readonly CounterState[] =>
      takes.map((take) => this.#state(take, this.#monotonicMs(), nowMs))
    const missing = this.#missing(takes, nowMs)
    return missing ? missing.then(states) : states()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Reads again what others spent, and forgets whom nobody asks for. A ledger that does not answer changes nothing. */
  async reload(nowMs: number): Promise<void> {
    const lately: string[] = []
    const whole: string[] = []
    let latelyFromMs = Infinity
    let wholeFromMs = Infinity
    for (const [name, subject] of this.#subjects) {
      if (subject.usedAtMs < nowMs - FORGET_MS && subject.idle) this.#subjects.delete(name)
      else if (subject.usedAtMs < nowMs - 2 * RELOAD_MS || subject.loadedFromMs === Infinity) continue
      else if (subject.wholeAtMs > nowMs - WHOLE_MS || whole.length >= MAX_WHOLE) {
        lately.push(name)
        latelyFromMs = Math.min(latelyFromMs, latelyOf(subject, nowMs))
      } else {
        whole.push(name)
        wholeFromMs = Math.min(wholeFromMs, subject.loadedFromMs)
      }
    }
    const read = (names: readonly string[], fromMs: number): Promise<void> =>
      names.length === 0 ? Promise.resolve() : this.#load(names, fromMs, nowMs).catch(() => undefined)
    await Promise.all([read(lately, latelyFromMs), read(whole, wholeFromMs)])
  }

  #admit(id: string, takes: readonly Take[], nowMs: number): Verdict {
    const clock = this.#monotonicMs()
    const refusedBy = this.#refusing(takes, clock, nowMs)
    if (refusedBy >= 0) return { refusedBy, states: takes.map((take) => this.#state(take, clock, nowMs)) }
    for (const take of takes) {
      if (take.kind === 'rate') this.#rate(take.counter).add(take.amount, clock)
      else if (take.kind === 'concurrency') {
        this.#underWay.set(take.counter, (this.#underWay.get(take.counter) ?? 0) + 1)
      } else this.#reserve(take, nowMs, take.amount)
    }
    this.#reservations.set(id, { atMs: nowMs, term: this.term(nowMs), grown: undefined })
    return PASSED
  }

  /** Index of the first take that finds no room; -1 for none. On every request's way, so nothing is made for it. */
  #refusing(takes: readonly Take[], clock: number, nowMs: number): number {
    for (let i = 0; i < takes.length; i++) {
      const take = takes[i]!
      if (take.kind === 'budget') {
        const { cost, tokens, reservedCost, reservedTokens } = this.#subject(take.counter, nowMs).since(
          take.startMs,
        )
        const held = take.unit === 'cost' ? cost + reservedCost : tokens + reservedTokens
        if (take.hard && held >= take.limit) return i
      } else if (take.kind === 'concurrency') {
        if ((this.#underWay.get(take.counter) ?? 0) >= take.limit) return i
      } else {
        const used = this.#rates.get(take.counter)?.sum(clock) ?? 0
        if (take.settles ? used >= take.limit : used + take.amount > take.limit) return i
      }
    }
    return -1
  }

  #state(take: Take, clock: number, nowMs: number): CounterState {
    if (take.kind === 'concurrency') {
      return { used: this.#underWay.get(take.counter) ?? 0, reserved: 0, resetMs: 0 }
    }
    if (take.kind === 'rate') {
      const window = this.#rates.get(take.counter)
      if (!window) return { used: 0, reserved: 0, resetMs: 0 }
      const used = window.sum(clock)
      const room = take.settles ? take.limit - 1 : take.limit - take.amount
      return { used, reserved: 0, resetMs: used > room ? window.timeUntil(Math.max(0, room), clock) : 0 }
    }
    return this.#spent(take, nowMs)
  }

  #spent({ counter, unit, startMs, endMs }: Take & { kind: 'budget' }, nowMs: number): CounterState {
    const { cost, tokens, reservedCost, reservedTokens } = this.#subject(counter, nowMs).since(startMs)
    return {
      used: unit === 'cost' ? cost : tokens,
      reserved: unit === 'cost' ? reservedCost : reservedTokens,
      resetMs: endMs - nowMs,
    }
  }

  #rate(counter: string): SlidingWindow {
    return bounded(this.#rates, counter, () => new SlidingWindow())
  }

  #subject(name: string, nowMs: number): SubjectSpend {
    let subject = this.#subjects.get(name)
    if (!subject) {
      subject = new SubjectSpend()
      this.#subjects.set(name, subject)
    }
    subject.usedAtMs = nowMs
    return subject
  }

  #reserve(take: Take & { kind: 'budget' }, atMs: number, by: number): void {
    const subject = this.#subjects.get(take.counter)
    subject?.reserve(atMs, take.unit === 'cost' ? by : 0, take.unit === 'tokens' ? by : 0)
  }

  /** Loads what is not known of the subjects of budgets; `undefined` when all is. */
  #missing(takes: readonly Take[], nowMs: number): Promise<unknown> | undefined {
    let missing: string[] | undefined
    let idle: string[] | undefined
    let fromMs = Infinity
    let latelyFromMs = Infinity
    for (const take of takes) {
      if (take.kind !== 'budget') continue
      const subject = this.#subjects.get(take.counter)
      if (!subject || subject.loadedFromMs > take.startMs) {
        missing = [...(missing ?? []), take.counter]
        fromMs = Math.min(fromMs, take.startMs)
      } else if (subject.usedAtMs < nowMs - 2 * RELOAD_MS) {
        idle = [...(idle ?? []), take.counter]
        latelyFromMs = Math.min(latelyFromMs, latelyOf(subject, nowMs))
      }
    }
    const loading = missing && this.#loadOnce([...new Set(missing)], fromMs, nowMs)
    // Of one that was not asked for, nothing was read again. It is known all the same, should the ledger not answer.
    const reading = idle && this.#loadOnce([...new Set(idle)], latelyFromMs, nowMs).catch(() => undefined)
    return loading && reading ? Promise.all([loading, reading]) : (loading ?? reading)
  }

  /** Requests that wait for the same subjects wait together. */
  #loadOnce(names: readonly string[], fromMs: number, nowMs: number): Promise<void> {
    const key = `${fromMs} ${names.join(' ')}`
    const known = this.#loading.get(key)
    if (known) return known
    const loading = this.#load(names, fromMs, nowMs).finally(() => this.#loading.delete(key))
    this.#loading.set(key, loading)
    return loading
  }

  async #load(names: readonly string[], fromMs: number, nowMs: number): Promise<void> {
    const terms = this.#terms(nowMs)
    const slots = await this.#readLedger(names, fromMs, terms)
    const bySubject = Map.groupBy(slots, ({ subject }) => subject)
    for (const name of names) {
      const subject = this.#subject(name, this.#subjects.get(name)?.usedAtMs ?? nowMs)
      if (fromMs <= subject.loadedFromMs) subject.wholeAtMs = nowMs
      subject.readAtMs = nowMs
      subject.load(bySubject.get(name) ?? [], fromMs, terms)
    }
  }

  /** The terms that are known here. */
  #terms(nowMs: number): readonly string[] {
    const number = Math.max(0, Math.floor((nowMs - this.#startedAtMs) / TERM_MS))
    if (number !== this.#termNumber) {
      this.#termNumber = number
      this.#termNames = [number, Math.max(0, number - 1)].map((term) => `${this.#instance}.${term}`)
    }
    return this.#termNames
  }
}

/** From where on a subject is read again: what was told before cannot have changed since, but for journals that are replayed late. */
function latelyOf({ readAtMs }: SubjectSpend, nowMs: number): number {
  return Math.min(nowMs, readAtMs) - LATELY_MS
}

/** Nobody asks where counters stood when a request passes. */
const PASSED: Verdict = { refusedBy: -1, states: [] }

/** What is told of counters that nobody asks for when a request is settled. */
const NOTHING: CounterState = { used: 0, reserved: 0, resetMs: 0 }

/** Whether no budget before counts the same subject. */
function firstOf(takes: readonly Take[], index: number): boolean {
  const { counter } = takes[index]!
  for (let i = 0; i < index; i++) {
    const take = takes[i]!
    if (take.kind === 'budget' && take.counter === counter) return false
  }
  return true
}

/** A counter of a map that keeps those that were used last. */
function bounded<T>(map: Map<string, T>, name: string, make: () => T): T {
  const known = map.get(name)
  if (known !== undefined) {
    // Only a map that is nearly full needs to know who was used last.
    if (map.size > MAX_COUNTERS / 2) {
      map.delete(name)
      map.set(name, known)
    }
    return known
  }
  if (map.size >= MAX_COUNTERS) map.delete(map.keys().next().value!)
  const made = make()
  map.set(name, made)
  return made
}
