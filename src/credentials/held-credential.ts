import type { ChosenCredential } from './chosen-credential.ts'
import type { CredentialReading } from './credential-reading.ts'
import type { HeldValue } from './held-value.ts'
import type { HeldCredentialSettings } from './settings.ts'

/** How long a credential cools after a 429 that names no time. */
const RATE_COOLING_MS = 1000

/** How long a credential cools when its quota is used up: at first, and at most. */
const QUOTA_COOLING_MS = 10 * 60_000
const MAX_QUOTA_COOLING_MS = 60 * 60_000

/**
 * How an attempt with a credential ended, as far as the credential is concerned.
 *
 * - `ok`: the provider accepted it
 * - `rate`: 429. It cools until the time that the response names
 * - `quota`: its money is used up. It cools for ten minutes, doubling to an hour
 * - `unauthorized`: 401, or a known key error. It is out until its value changes; one attempt tries it again after `refresh_s`
 * - `forbidden`: 403. The same, but only for this target
 */
export type CredentialOutcome = 'ok' | 'rate' | 'quota' | 'unauthorized' | 'forbidden'

/** A credential and its state. Nothing of it is secret. */
export interface CredentialStanding {
  readonly name: string
  readonly state: 'available' | 'cooling' | 'unavailable'
  /** When it is used again, in epoch milliseconds; null when that is not known, or it is available. */
  readonly untilMs: number | null
  /** Why it is not available, or why its value is an old one; empty for neither. */
  readonly reason: string
  /** Epoch milliseconds; null when it was never used. */
  readonly lastUsedMs: number | null
}

/** A value that the provider refused, for every target or for one. */
interface Refusal {
  readonly reason: string
  /** When one attempt tries it again, in epoch milliseconds. */
  retryAtMs: number
  /** An attempt has tried it again since. */
  onTrial: boolean
  /** The reading that it set off. */
  renewal?: Promise<void>
}

/** Tokens as Google, Anthropic and OpenID Connect give them out. Keys of providers do not begin so. */
const TOKEN = /^(?:ya29\.|sk-ant-oat|eyJ[\w-]+\.)/

/** Targets whose refusals are remembered. Names that callers make up must not fill the memory. */
const MAX_REFUSALS = 1000

/** Key of a refusal that holds for every target. */
const EVERY_TARGET = ''

/** One credential of a pool: its value and its state. */
export class HeldCredential {
  readonly settings: HeldCredentialSettings
  /** Its place in the turns of the pool. */
  turn = 0
  #value: HeldValue | undefined
  /** The value before, which responses under way may still repeat. */
  #before: HeldValue | undefined
  #isToken = false
  /** Epoch milliseconds. */
  #expiresAtMs = Infinity
  #problem = 'it has not been read yet'
  #cooling: { readonly reason: 'rate' | 'quota'; readonly untilMs: number } | undefined
  #quotaCoolingMs = QUOTA_COOLING_MS
  /** By target. */
  readonly #refusals = new Map<string, Refusal>()
  #lastUsedMs: number | null = null

  constructor(settings: HeldCredentialSettings) {
    this.settings = settings
  }

  get name(): string {
    return this.settings.name
  }

  get weight(): number {
    return this.settings.weight
  }

  /** The values that must not be shown: this one and the one before. */
  get values(): readonly HeldValue[] {
    return [this.#value, this.#before].filter((value) => value !== undefined)
  }

  /** Why it has no value, or only an old one; empty for neither. */
  get problem(): string {
    return this.#problem
  }

  /** Whether it has a value, and another one than this. */
  hasOther(value: HeldValue): boolean {
    return this.#value !== undefined && this.#value !== value
  }

  /** Whether it has a value that the provider may still accept for other targets or at another time. */
  isLastResort(nowMs: number): boolean {
    return this.#isUsable(nowMs) && !this.#refusals.has(EVERY_TARGET)
  }

  /**
   * Reads a refused value anew, once for each refusal however many requests it met.
   *
   * @param renew reads the source and hands the result to `take`; never fails
   */
  async renewOnce(renew: () => Promise<void>): Promise<void> {
    const refusal = this.#refusals.get(EVERY_TARGET)
    if (!refusal) return renew()
    await (refusal.renewal ??= renew())
  }

  isAvailable(nowMs: number, target: string): boolean {
    if (!this.#isUsable(nowMs) || (this.#cooling && nowMs < this.#cooling.untilMs)) return false
    return this.#refusalsOf(target).every(({ retryAtMs }) => nowMs >= retryAtMs)
  }

  /** Hands the credential out for one attempt. Its value must be usable. */
  checkOut(nowMs: number, target: string): ChosenCredential {
    this.#lastUsedMs = nowMs
    for (const refusal of this.#refusalsOf(target)) {
      if (nowMs < refusal.retryAtMs) continue
      // One attempt tries a refused value again; the others wait for how it ends.
      refusal.onTrial = true
      refusal.retryAtMs = nowMs + this.settings.refreshMs
    }
    const { form } = this.settings
    return {
      name: this.name,
      value: this.#value!,
      isToken: this.#isToken,
      ...(form?.kind === 'aws' ? { signsFor: form } : {}),
    }
  }

  /** Takes note of how an attempt ended. Parameters as of `CredentialPool.report`. */
  report(
    value: HeldValue,
    outcome: CredentialOutcome,
    nowMs: number,
    untilMs: number | undefined,
    target: string,
  ): void {
    // The value was replaced since, and this says nothing about the new one.
    if (value !== this.#value) return
    switch (outcome) {
      case 'ok':
        return this.#accepted(nowMs, target)
      case 'rate':
        return this.#cool('rate', nowMs, untilMs ?? nowMs + RATE_COOLING_MS)
      case 'quota':
        return this.#coolForQuota(nowMs)
      case 'unauthorized':
        return this.#refused(EVERY_TARGET, 'the provider refused it (401)', nowMs)
      case 'forbidden':
        return this.#refused(target, 'the provider forbids it this target (403)', nowMs)
      default:
        return outcome satisfies never
    }
  }

  /** Takes over what its source returned. */
  take(reading: CredentialReading): void {
    switch (reading.kind) {
      case 'value':
        this.#problem = ''
        this.#expiresAtMs = reading.expiresAtMs ?? Infinity
        return this.#replace(reading.value)
      case 'gone':
        this.#before = this.#value ?? this.#before
        this.#value = undefined
        this.#problem = reading.problem
        return undefined
      case 'failed':
        // The value that is known may still be good.
        this.#problem = reading.problem
        return undefined
      default:
        return reading satisfies never
    }
  }

  /** @param target as of `CredentialPool.choose` */
  standing(nowMs: number, target: string): CredentialStanding {
    const about = { name: this.name, lastUsedMs: this.#lastUsedMs }
    if (!this.#isUsable(nowMs)) {
      const reason = this.#problem || 'it has expired'
      return { ...about, state: 'unavailable', untilMs: null, reason }
    }
    const refusal = this.#refusalsOf(target).find(({ retryAtMs }) => nowMs < retryAtMs)
    if (refusal) return { ...about, state: 'unavailable', untilMs: refusal.retryAtMs, reason: refusal.reason }
    const cooling = this.#cooling
    if (cooling && nowMs < cooling.untilMs) {
      return { ...about, state: 'cooling', untilMs: cooling.untilMs, reason: cooling.reason }
    }
    return { ...about, state: 'available', untilMs: null, reason: this.#problem }
  }

  #isUsable(nowMs: number): boolean {
    return this.#value !== undefined && nowMs < this.#expiresAtMs
  }

  #refusalsOf(target: string): Refusal[] {
    if (this.#refusals.size === 0) return []
    return [...new Set([EVERY_TARGET, target])].flatMap((key) => this.#refusals.get(key) ?? [])
  }

  #replace(value: HeldValue): void {
    if (value.equals(this.#value)) return
    this.#before = this.#value
    this.#value = value
    const { source, form } = this.settings
    this.#isToken =
      source.kind === 'token_exchange' ||
      form?.kind === 'google_service_account' ||
      TOKEN.test(value.reveal())
    this.#refusals.clear()
    // Another value may belong to another account, with money. A rate may also be that of the same account.
    if (this.#cooling?.reason === 'quota') this.#cooling = undefined
    this.#quotaCoolingMs = QUOTA_COOLING_MS
  }

  #accepted(nowMs: number, target: string): void {
    for (const key of [EVERY_TARGET, target]) this.#refusals.delete(key)
    if (!this.#cooling || nowMs >= this.#cooling.untilMs) this.#quotaCoolingMs = QUOTA_COOLING_MS
  }

  #cool(reason: 'rate' | 'quota', nowMs: number, untilMs: number): void {
    const current = this.#cooling
    if (current && nowMs < current.untilMs && current.untilMs >= untilMs) return
    this.#cooling = { reason, untilMs }
  }

  #coolForQuota(nowMs: number): void {
    // Requests that were under way together tell the same thing.
    if (this.#cooling?.reason === 'quota' && nowMs < this.#cooling.untilMs) return
    this.#cool('quota', nowMs, nowMs + this.#quotaCoolingMs)
    this.#quotaCoolingMs = Math.min(this.#quotaCoolingMs * 2, MAX_QUOTA_COOLING_MS)
  }

  #refused(key: string, reason: string, nowMs: number): void {
    const current = this.#refusals.get(key)
    // Requests that were under way together tell the same thing.
    if (current && nowMs < current.retryAtMs && !current.onTrial) return
    this.#refusals.set(key, { reason, retryAtMs: nowMs + this.settings.refreshMs, onTrial: false })
    if (this.#refusals.size > MAX_REFUSALS) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const key of this.#refusals.keys()) {
      if (key === EVERY_TARGET) continue
      this.#refusals.delete(key)
      return
    }
  }
}
