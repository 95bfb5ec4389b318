import type { ChosenCredential } from './chosen-credential.ts'
import type { CredentialOutcome, CredentialStanding, HeldCredential } from './held-credential.ts'
import type { CredentialUse } from './settings.ts'

/** The credential of an attempt, or why there is none. */
export type CredentialChoice =
  | { readonly kind: 'chosen'; readonly credential: ChosenCredential }
  | {
      readonly kind: 'none'
      /** Names and states of the others, for people. Holds neither values nor paths. */
      readonly reason: string
      /**
       * One that is cooling, or that this target forbids. It is for a caller that has no other target: the provider itself then says why
       * not.
       */
      readonly lastResort?: ChosenCredential
    }

/** A credential of a pool. */
export interface PoolMember {
  readonly credential: HeldCredential
  /** Reads its source anew and hands the result to the credential. Never fails. */
  renew(): Promise<void>
}

const NONE: ReadonlySet<string> = new Set()

/**
 * The credentials that the gateway holds for one provider. Requests take turns by weight (smooth weighted round robin). The pool reads
 * no clock and does no I/O.
 */
export class CredentialPool {
  readonly use: CredentialUse
  /** Whether one of them signs requests, for which their content must be known. */
  readonly signs: boolean
  readonly #members: readonly PoolMember[]

  constructor(use: CredentialUse, members: readonly PoolMember[]) {
    this.use = use
    this.signs = members.some(({ credential }) => credential.settings.form?.kind === 'aws')
    this.#members = members
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
    for (const { credential } of this.#members) {
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
   * Takes note of how an attempt with a credential ended. After `unauthorized` its source is read anew.
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
    const member = this.#named(name)
    if (!member) return
    const { credential } = member
    credential.report(value, outcome, nowMs, untilMs, target)
    if (outcome === 'unauthorized' && !credential.hasOther(value))
      void credential.renewOnce(() => member.renew())
  }

  /**
   * Awaits the reading after a 401, for the request that got it and has reported it. Several requests share one reading.
   *
   * @param nowMs epoch milliseconds
   * @returns the credential with its new value; `undefined` when the value is still the same, or cannot be had
   */
  async renewed({ name, value }: ChosenCredential, nowMs: number): Promise<ChosenCredential | undefined> {
    const member = this.#named(name)
    if (!member) return undefined
    const { credential } = member
    if (!credential.hasOther(value)) await credential.renewOnce(() => member.renew())
    return credential.hasOther(value) ? credential.checkOut(nowMs, '') : undefined
  }

  /** Whether `choose` would find one that is available. Parameters as of `choose`. */
  hasAvailable(nowMs: number, exclude: ReadonlySet<string> = NONE, target = ''): boolean {
    return this.#members.some(
      ({ credential }) => !exclude.has(credential.name) && credential.isAvailable(nowMs, target),
    )
  }

  /** Every credential and its state, in the order of the settings. */
  standings(nowMs: number, target = ''): readonly CredentialStanding[] {
    return this.#members.map(({ credential }) => credential.standing(nowMs, target))
  }

  #none(nowMs: number, exclude: ReadonlySet<string>, target: string): CredentialChoice {
    const others = this.#members.map(({ credential }) => credential).filter(({ name }) => !exclude.has(name))
    const standings = others.map((credential) => credential.standing(nowMs, target))
    const reason =
      standings.length === 0
        ? 'no other credential is held'
        : standings.map(({ name, state }) => `${name} is ${state}`).join(', ')
    const last = others.find((credential) => credential.isLastResort(nowMs))
    return {
      kind: 'none',
      reason,
      ...(last ? { lastResort: last.checkOut(nowMs, target) } : {}),
    }
  }

  #named(name: string): PoolMember | undefined {
    return this.#members.find(({ credential }) => credential.name === name)
  }
}
