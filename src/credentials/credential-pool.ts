import type { ChosenCredential } from './chosen-credential.ts'
import type { CredentialReading } from './credential-reading.ts'
import { HeldCredential, type CredentialOutcome, type CredentialStanding } from './held-credential.ts'
import type { CredentialSettings, CredentialUse } from './settings.ts'

/** The credential of an attempt, or why there is none. */
export type CredentialChoice =
  | { readonly kind: 'chosen'; readonly credential: ChosenCredential }
  | {
      readonly kind: 'none'
      /** Names and states of the others, for people. Holds neither values nor paths. */
      readonly reason: string
      /** When the first of them can be used again, in epoch milliseconds; absent when that is not known. */
      readonly untilMs?: number
      /** One that is cooling, for a caller that has no other target: the provider itself then says why not. */
      readonly lastResort?: ChosenCredential
    }

const NONE: ReadonlySet<string> = new Set()

/**
 * The credentials that the gateway holds for one provider. Requests take turns by weight (smooth weighted round robin). The pool reads
 * no clock and does no I/O: `CredentialRenewal` reads the values and hands them to `take`.
 */
export class CredentialPool {
  readonly use: CredentialUse
  readonly #credentials: readonly HeldCredential[]
  readonly #renew: (name: string) => Promise<void>

  /**
   * @param renew reads one credential anew and hands the result to `take`; never fails
   * @param before the pool of the same provider before a reload: credentials that did not change keep value and state
   */
  constructor(
    { use, held }: CredentialSettings,
    renew: (name: string) => Promise<void>,
    before?: CredentialPool,
  ) {
    this.use = use
    this.#renew = renew
    this.#credentials = held.map((settings) => {
      const same = before ? before.#sameAs(settings) : undefined
      return same ?? new HeldCredential(settings)
    })
  }

  /**
   * Chooses the credential of an attempt.
   *
   * @param nowMs epoch milliseconds
   * @param exclude names that this request has tried already
   * @param target name of the target; empty for a provider's own route
   */
  choose(nowMs: number, exclude: ReadonlySet<string> = NONE, target = ''): CredentialChoice {
    let best: HeldCredential | undefined
    let total = 0
    for (const credential of this.#credentials) {
      if (exclude.has(credential.name) || !credential.isAvailable(nowMs, target)) continue
      credential.turn += credential.weight
      total += credential.weight
      if (!best || credential.turn > best.turn) best = credential
    }
    if (!best) return this.#none(nowMs, exclude, target)
    best.turn -= total
    return { kind: 'chosen', credential: best.checkOut(nowMs, target) }
  }

  /**
   * Takes note of how an attempt with a credential ended.
   *
   * @param nowMs epoch milliseconds
   * @param details `untilMs` is the time that a 429 named, in epoch milliseconds; `target` as of `choose`
   */
  report(
    { name, value }: ChosenCredential,
    outcome: CredentialOutcome,
    nowMs: number,
    { untilMs, target = '' }: { readonly untilMs?: number; readonly target?: string } = {},
  ): void {
    this.#named(name)?.report(value, outcome, nowMs, untilMs, target)
  }

  /**
   * Reads a credential anew after a 401, for the request that got it.
   *
   * @param nowMs epoch milliseconds
   * @returns the credential with its new value; `undefined` when the value is still the same, or cannot be had
   */
  async renewed({ name, value }: ChosenCredential, nowMs: number): Promise<ChosenCredential | undefined> {
    const credential = this.#named(name)
    // Another request may have done it already.
    if (!credential?.hasOther(value)) await this.#renew(name)
    return credential?.hasOther(value) ? credential.checkOut(nowMs, '') : undefined
  }

  /** Takes over what the source of a credential returned. */
  take(name: string, reading: CredentialReading): void {
    this.#named(name)?.take(reading)
  }

  /** Every credential and its state, in the order of the settings. */
  standings(nowMs: number, target = ''): readonly CredentialStanding[] {
    return this.#credentials.map((credential) => credential.standing(nowMs, target))
  }

  #none(nowMs: number, exclude: ReadonlySet<string>, target: string): CredentialChoice {
    const others = this.#credentials.filter(({ name }) => !exclude.has(name))
    const standings = others.map((credential) => credential.standing(nowMs, target))
    const reason =
      standings.length === 0
        ? 'no other credential is held'
        : standings.map(({ name, state }) => `${name} is ${state}`).join(', ')
    const times = standings.flatMap(({ untilMs }) => untilMs ?? [])
    const cooling = others.find((_, i) => standings[i]!.state === 'cooling')
    return {
      kind: 'none',
      reason,
      ...(times.length > 0 ? { untilMs: Math.min(...times) } : {}),
      ...(cooling ? { lastResort: cooling.checkOut(nowMs, target) } : {}),
    }
  }

  #named(name: string): HeldCredential | undefined {
    return this.#credentials.find((credential) => credential.name === name)
  }

  #sameAs(settings: CredentialSettings['held'][number]): HeldCredential | undefined {
    const same = this.#named(settings.name)
    return same?.isOf(settings) ? same : undefined
  }
}
