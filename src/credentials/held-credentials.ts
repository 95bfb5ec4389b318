import type { Log } from '../log.ts'
import { type Clock, backgroundClock } from '../time/coalescing-timer.ts'
import type { CredentialReading } from './credential-reading.ts'
import { CredentialPool, type PoolMember } from './credential-pool.ts'
import { CredentialRenewal } from './credential-renewal.ts'
import { HeldCredential } from './held-credential.ts'
import type { HeldValue } from './held-value.ts'
import type { CredentialSettings, HeldCredentialSettings } from './settings.ts'
import { readSource } from './sources/read-source.ts'

/** How long the first readings may delay the start, or a reload. */
const FIRST_READING_MS = 10_000

/** Most values of removed credentials that are remembered. */
const MAX_PAST = 50

/** A provider and whose credentials it takes. */
interface Provider {
  readonly name: string
  readonly credentials?: CredentialSettings
}

interface Member extends PoolMember {
  readonly renewal: CredentialRenewal
}

/** All credentials that the gateway holds: a pool for each provider, whose values are read again and again. */
export class HeldCredentials {
  readonly name = 'credentials'
  readonly #log: Log
  readonly #changed: () => void
  readonly #clock: Clock
  readonly #over = new AbortController()
  /** Credentials whose first reading is awaited: their values are told together. */
  readonly #first = new Set<HeldCredential>()
  /** Values of credentials that are no longer in the settings. Requests under way may still get them back. */
  #past: readonly HeldValue[] = []
  #members = new Map<string, Member>()
  #pools = new Map<string, CredentialPool>()

  /** @param changed called when a value has become another */
  constructor(providers: readonly Provider[], log: Log, changed: () => void, clock: Clock = backgroundClock) {
    this.#log = log
    this.#changed = changed
    this.#clock = clock
    this.#take(providers)
  }

  /** The pool of a provider; `undefined` when its callers bring their own. */
  poolOf(provider: string): CredentialPool | undefined {
    return this.#pools.get(provider)
  }

  /** The values that no copy may show, those before the current ones too. For the recorder alone. */
  revealAll(): string[] {
    const current = [...this.#members.values()].flatMap(({ credential }) => credential.values)
    return [...current, ...this.#past].flatMap((value) => value.revealSecrets())
  }

  /** Reads all values. It waits for them for a while; what is late comes later. */
  start(): Promise<void> {
    return this.#readFirst([...this.#members.values()])
  }

  stop(): void {
    for (const { renewal } of this.#members.values()) renewal.stop()
    this.#over.abort()
  }

  /** Takes over other settings. Credentials whose settings are the same keep value and state. */
  async configure(providers: readonly Provider[]): Promise<void> {
    const before = this.#members
    this.#take(providers)
    for (const [key, { credential, renewal }] of before) {
      if (this.#members.has(key)) continue
      renewal.stop()
      this.#past = [...credential.values, ...this.#past].slice(0, MAX_PAST)
    }
    await this.#readFirst([...this.#members].filter(([key]) => !before.has(key)).map(([, member]) => member))
  }

  #take(providers: readonly Provider[]): void {
    const before = this.#members
    this.#members = new Map()
    this.#pools = new Map()
    for (const { name, credentials } of providers) {
      if (!credentials) continue
      const members = credentials.held.map((settings) => {
        const key = JSON.stringify([name, settings])
        const member = before.get(key) ?? this.#member(name, settings)
        this.#members.set(key, member)
        return member
      })
      this.#pools.set(name, new CredentialPool(credentials.use, members))
    }
  }

  #member(provider: string, settings: HeldCredentialSettings): Member {
    const credential = new HeldCredential(settings)
    const renewal = new CredentialRenewal(
      settings.refreshMs,
      () => readSource(settings.source, Date.now(), this.#over.signal, settings.form),
      (reading) => this.#read(provider, credential, reading),
      this.#clock,
      Date.now,
    )
    return { credential, renewal, renew: () => renewal.renew() }
  }

  #read(provider: string, credential: HeldCredential, reading: CredentialReading): void {
    const { problem: problemBefore, values: valuesBefore } = credential
    credential.take(reading)
    const { name, problem, values } = credential
    if (values[0] !== valuesBefore[0] && !this.#first.has(credential)) this.#changed()
    if (problem === problemBefore) return
    const fields = { provider, credential: name }
    if (problem !== '') this.#log('WARN', 'credential cannot be had', { ...fields, reason: problem })
    else if (valuesBefore.length > 0) this.#log('INFO', 'credential can be had again', fields)
  }

  async #readFirst(members: readonly Member[]): Promise<void> {
    if (members.length === 0) return
    for (const { credential } of members) this.#first.add(credential)
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, FIRST_READING_MS)
    await Promise.race([Promise.all(members.map(({ renewal }) => renewal.renew())), late])
    clearTimeout(timer)
    for (const { credential } of members) this.#first.delete(credential)
    this.#changed()
  }
}
