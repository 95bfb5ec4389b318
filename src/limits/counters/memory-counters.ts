import { roomFor } from '../admission/decide.ts'
import { slotOf } from '../policies/budget-window.ts'
import { countsIncluded } from '../policies/included-subject.ts'
import type { Budget, CounterState, Take } from '../policies/take.ts'
import {
  leastAmount,
  type Actual,
  type Claim,
  type Counters,
  type Held,
  type ReadLedger,
  type Verdict,
} from './counters.ts'
import { Places, type Counted, type Spender } from './counted.ts'
import { SlidingWindow } from './sliding-window.ts'
import { SubjectSpend } from './subject-spend.ts'

/** Largest number of rates kept. The least recently used is removed first, and starts again from zero. */
const MAX_RATES = 50_000

/** How often other gateways' spending is read again, for subjects used since. */
const RELOAD_MS = 5000

/**
 * Own spending is booked in terms of one hour. The current and the previous term are known here. The ledger leaves
 * these out and reports everything older.
 */
const TERM_MS = 3_600_000

/** Others' spending is recent, so older times are read again only now and then, a few subjects at once. */
const LATELY_MS = 3 * TERM_MS
const WHOLE_MS = 10 * 60_000
const MAX_WHOLE = 50

/** A subject unused for this long is removed: none of its spending is in a term that the ledger leaves out. */
const FORGET_MS = 3 * TERM_MS

/** Counters in the memory of one process. Spending comes from the ledger and is shared through it, a few seconds late. */
export class MemoryCounters implements Counters {
  readonly shared = false
  readonly #rates = new Map<string, SlidingWindow>()
  readonly #places = new Map<string, Places>()
  readonly #subjects = new Map<string, SubjectSpend>()
  /** Counters of takes looked up since the last read of the ledger. Everything needed about their subjects is loaded. */
  #found = new WeakMap<readonly Take[], Counted>()
  readonly #loading = new Map<string, Promise<void>>()
  readonly #instance: string
  readonly #startedAtMs = Date.now()
  #termNumber = -1
  #termNames: readonly string[] = []
  readonly #readLedger: ReadLedger
  readonly #monotonicMs: () => number
  readonly #timer: ReturnType<typeof setInterval>

  /**
   * @param instance identifies this process in the ledger
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

  /** Whether the ledger must leave a term out, because its spending is known here. */
  knows(term: string, nowMs: number): boolean {
    return this.#terms(nowMs).includes(term)
  }

  /** Milliseconds of a clock that does not jump. */
  clock(): number {
    return this.#monotonicMs()
  }

  admit(claim: Claim, nowMs: number): Verdict | Promise<Verdict> {
    const found = this.#found.get(claim.takes)
    if (found) return this.#admit(claim, found, nowMs)
    const missing = this.#missing(claim.takes, nowMs)
    if (missing) return missing.then(() => this.#admit(claim, this.#find(claim.takes, nowMs), nowMs))
    return this.#admit(claim, this.#find(claim.takes, nowMs), nowMs)
  }

  read(takes: readonly Take[], nowMs: number): readonly CounterState[] | Promise<readonly CounterState[]> {
    const states = (): readonly CounterState[] =>
      takes.map((take) => this.#state(take, leastAmount(take), this.#monotonicMs(), nowMs))
    const missing = this.#missing(takes, nowMs)
    return missing ? missing.then(states) : states()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Reads others' spending again, and removes unused subjects. If the ledger does not respond, nothing changes. */
  async reload(nowMs: number): Promise<void> {
    this.#found = new WeakMap()
    for (const [name, { taken }] of this.#places) if (taken === 0) this.#places.delete(name)
    const lately: string[] = []
    const whole: string[] = []
    let latelyFromMs = Infinity
    let wholeFromMs = Infinity
    for (const [name, subject] of this.#subjects) {
      if (subject.usedAtMs < nowMs - FORGET_MS && subject.holding === 0) this.#subjects.delete(name)
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

  #admit(claim: Claim, counted: Counted, nowMs: number): Verdict {
    const clock = this.#monotonicMs()
    if (!hasRoom(claim, counted, clock)) {
      const states = claim.takes.map((take, i) => this.#state(take, claim.amountOf(i), clock, nowMs))
      return { held: undefined, states }
    }
    return { held: new HeldInMemory(this, claim, counted, clock, slotOf(nowMs)) }
  }

  #find(takes: readonly Take[], nowMs: number): Counted {
    const each = takes.map((take, index) => ({ take, index }))
    const budgets = each.flatMap(({ take, index }) =>
      take.kind === 'budget' ? [{ take, index, subject: this.#subject(take.counter, nowMs) }] : [],
    )
    const most = (of: typeof budgets, unit: Budget['unit']): number =>
      of
        .filter(({ take }) => take.unit === unit)
        .sort((a, b) => Number(isStrict(b.take)) - Number(isStrict(a.take)) || b.take.limit - a.take.limit)[0]
        ?.index ?? -1
    const counted: Counted = {
      places: each.flatMap(({ take, index }) =>
        take.kind === 'concurrency' ? [{ counter: this.#placesOf(take.counter), take, index }] : [],
      ),
      rates: each.flatMap(({ take, index }) =>
        take.kind === 'rate' ? [{ counter: this.#rate(take.counter), take, index }] : [],
      ),
      budgets: budgets.filter(({ take }) => take.enforcement !== 'soft'),
      spenders: [...Map.groupBy(budgets, ({ subject }) => subject)].map(([subject, of]) => ({
        subject,
        included: countsIncluded(of[0]!.take.counter),
        cost: most(of, 'cost'),
        tokens: most(of, 'tokens'),
        grows: !of.some(({ take }) => isStrict(take)),
      })),
    }
    this.#found.set(takes, counted)
    return counted
  }

  #placesOf(counter: string): Places {
    let places = this.#places.get(counter)
    if (!places) {
      places = new Places()
      this.#places.set(counter, places)
    }
    return places
  }

  #state(take: Take, amount: number, clock: number, nowMs: number): CounterState {
    if (take.kind === 'concurrency') {
      return { used: this.#places.get(take.counter)?.taken ?? 0, reserved: 0, resetMs: 0 }
    }
    if (take.kind === 'rate') {
      const window = this.#rates.get(take.counter)
      if (!window) return { used: 0, reserved: 0, resetMs: 0 }
      const used = window.sum(clock)
      const room = take.settles ? take.limit - 1 : take.limit - amount
      return { used, reserved: 0, resetMs: used > room ? window.timeUntil(Math.max(0, room), clock) : 0 }
    }
    return this.#spent(take, nowMs)
  }

  #spent({ counter, unit, startMs, endMs }: Budget, nowMs: number): CounterState {
    const { cost, tokens, reservedCost, reservedTokens } = this.#subject(counter, nowMs).since(startMs)
    return {
      used: unit === 'cost' ? cost : tokens,
      reserved: unit === 'cost' ? reservedCost : reservedTokens,
      resetMs: endMs - nowMs,
    }
  }

  /** A rate's window. Beyond the bound, the least recently used is removed. */
  #rate(counter: string): SlidingWindow {
    let window = this.#rates.get(counter)
    if (window) {
      // Only a map that is nearly full needs to know who was used last.
      if (this.#rates.size <= MAX_RATES / 2) return window
      this.#rates.delete(counter)
    } else {
      window = new SlidingWindow()
      if (this.#rates.size >= MAX_RATES) {
        this.#rates.delete(this.#rates.keys().next().value!)
        this.#found = new WeakMap()
      }
    }
    this.#rates.set(counter, window)
    return window
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

  /** Loads the missing spending of budget subjects. `undefined` when nothing is missing. */
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
    // An unused subject was not read again. Its old figures still serve if the ledger does not respond.
    const reading = idle && this.#loadOnce([...new Set(idle)], latelyFromMs, nowMs).catch(() => undefined)
    return loading && reading ? Promise.all([loading, reading]) : (loading ?? reading)
  }

  /** Requests that wait for the same subjects share one read. */
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

/** From when on a subject is read again. Earlier spending changes only if a journal is replayed late. */
function latelyOf({ readAtMs }: SubjectSpend, nowMs: number): number {
  return Math.min(nowMs, readAtMs) - LATELY_MS
}

function isStrict({ enforcement }: Budget): boolean {
  return enforcement === 'strict'
}

/** Whether all takes find room. Runs for every request, so it allocates nothing. */
function hasRoom(claim: Claim, { places, rates, budgets }: Counted, clock: number): boolean {
  for (const { counter, take } of places) if (roomFor(take, 1, counter.taken, 0) !== 'free') return false
  for (const { counter, take, index } of rates) {
    if (roomFor(take, claim.amountOf(index), counter.sum(clock), 0) !== 'free') return false
  }
  for (const { subject, take, index } of budgets) {
    const { cost, tokens, reservedCost, reservedTokens } = subject.since(take.startMs)
    const used = take.unit === 'cost' ? cost : tokens
    const reserved = take.unit === 'cost' ? reservedCost : reservedTokens
    if (roomFor(take, claim.amountOf(index), used, reserved) !== 'free') return false
  }
  return true
}

/** What a request holds. Its counters are not removed from the maps meanwhile. */
class HeldInMemory implements Held {
  readonly #owner: MemoryCounters
  readonly #claim: Claim
  readonly #counted: Counted
  readonly #clock: number
  /** Quarter hour in which it began. */
  readonly #slot: number
  /** What was reserved beyond the claim's amounts. */
  #grownCost = 0
  #grownIncluded = 0
  #grownTokens = 0

  constructor(owner: MemoryCounters, claim: Claim, counted: Counted, clock: number, slot: number) {
    this.#owner = owner
    this.#claim = claim
    this.#counted = counted
    this.#clock = clock
    this.#slot = slot
    for (const { counter } of counted.places) counter.taken += 1
    for (const { counter, index } of counted.rates) counter.add(claim.amountOf(index), clock)
    for (const spender of counted.spenders) {
      spender.subject.holding += 1
      this.#reserve(spender, 1)
    }
  }

  grow({ costNanoUsd, includedNanoUsd = 0, tokens }: Actual): void {
    this.#grownCost += costNanoUsd
    this.#grownIncluded += includedNanoUsd
    this.#grownTokens += tokens
    for (const { subject, included, cost, tokens: ofTokens, grows } of this.#counted.spenders) {
      if (!grows) continue
      const money = costNanoUsd + (included ? includedNanoUsd : 0)
      subject.reserve(this.#slot, cost < 0 ? 0 : money, ofTokens < 0 ? 0 : tokens)
    }
  }

  ended(): void {
    for (const { counter } of this.#counted.places) counter.taken -= 1
  }

  settle({ costNanoUsd, includedNanoUsd = 0, tokens }: Actual, nowMs: number): undefined {
    const claim = this.#claim
    // The ledger reports older terms itself.
    const own = this.#owner.knows(claim.term, nowMs)
    for (const spender of this.#counted.spenders) {
      const { subject, included } = spender
      subject.holding -= 1
      this.#reserve(spender, -1)
      if (own) subject.settle(claim.term, this.#slot, costNanoUsd + (included ? includedNanoUsd : 0), tokens)
    }
    for (const { counter, take, index } of this.#counted.rates) {
      if (take.settles) counter.add(tokens - claim.amountOf(index), this.#owner.clock(), this.#clock)
    }
  }

  /** Reserves everything that is expected, or releases it with a negative sign. */
  #reserve({ subject, included, cost, tokens, grows }: Spender, sign: 1 | -1): void {
    const claim = this.#claim
    const grown = grows ? this.#grownCost + (included ? this.#grownIncluded : 0) : 0
    const money = cost < 0 ? 0 : claim.amountOf(cost) + grown
    const counted = tokens < 0 ? 0 : claim.amountOf(tokens) + (grows ? this.#grownTokens : 0)
    subject.reserve(this.#slot, sign * money, sign * counted)
  }
}
