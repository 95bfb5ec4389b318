import { dirname, join } from 'node:path'
import { pepperPrint } from './access/key-hash.ts'
import { Keyring, type KeyAdoption } from './access/keyring.ts'
import type { Config } from './config/config.ts'
import type { Log } from './log.ts'
import { pepperFrom } from './pepper-file.ts'
import type { StoredGatewayKey, TenantDirectory } from './storage/storage.ts'

/** How often the store's keys are read again. */
const REFRESH_MS = 1000

/** The gateway keys of file and store, as they change. */
export class GatewayKeys {
  readonly #directory: TenantDirectory
  readonly #log: Log
  readonly #changed: () => void
  readonly #timer: ReturnType<typeof setInterval>
  #auth: Config['auth']
  #stored: readonly StoredGatewayKey[] = []
  #adoption: KeyAdoption = { pepper: '', adopt: () => undefined }

  /** @param changed called when `keyring` has become another */
  private constructor(auth: Config['auth'], directory: TenantDirectory, log: Log, changed: () => void) {
    this.#auth = auth
    this.#directory = directory
    this.#log = log
    this.#changed = changed
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS)
    this.#timer.unref()
  }

  /**
   * Reads the keys. A store that does not answer is no reason not to start: its keys are taken over when it does.
   *
   * @throws Error when there is no key at all, or the store's were hashed with another pepper
   */
  static async open(
    config: Config,
    directory: TenantDirectory,
    log: Log,
    changed: () => void,
  ): Promise<GatewayKeys> {
    const keys = new GatewayKeys(config.auth, directory, log, changed)
    try {
      await keys.configure(config)
      return keys
    } catch (error) {
      keys.stop()
      throw error
    }
  }

  /** Takes other settings over. @throws Error as `open` does */
  async configure({ auth, tracing }: Config): Promise<void> {
    if (auth.enabled) {
      const read = await this.#directory.activeKeys().catch(() => undefined)
      if (read && auth.keys.length + read.length === 0) {
        throw new Error('auth is enabled but no gateway keys are configured')
      }
      const pepper = auth.pepper || pepperFrom(join(dirname(tracing.journal.path), 'gateway-keys.pepper'))
      const stored = read ?? this.#stored
      if (stored.some(({ scheme }) => scheme === 'hmac-sha256')) await this.#claim(pepper)
      this.#stored = stored
      this.#adoption = { pepper, adopt: (keyId, hmac) => void this.#adopt(pepper, keyId, hmac) }
    }
    this.#auth = auth
  }

  /** The keys that are valid now; `undefined` while keys are off. */
  keyring(): Keyring | undefined {
    return this.#auth.enabled ? new Keyring(this.#auth.keys, this.#stored, this.#adoption) : undefined
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** While the store does not answer, the keys that were read last hold. */
  async #refresh(): Promise<void> {
    if (!this.#auth.enabled) return
    const now = await this.#directory.activeKeys().catch(() => this.#stored)
    if (JSON.stringify(now) === JSON.stringify(this.#stored)) return
    this.#stored = now
    this.#changed()
  }

  /** Gives a key that came with another hash ours. */
  async #adopt(pepper: string, keyId: string, hmac: string): Promise<void> {
    try {
      await this.#claim(pepper)
      await this.#directory.adoptKey(keyId, hmac)
    } catch (error) {
      this.#log('WARN', 'gateway key keeps its old hash', { key_id: keyId, error: String(error) })
    }
  }

  /** @throws Error when the store's keys are hashed with another pepper: they would all be refused */
  async #claim(pepper: string): Promise<void> {
    const print = pepperPrint(pepper)
    if ((await this.#directory.claimPepper(print)) === print) return
    throw new Error(
      'the keys of the store were hashed with another pepper: give every gateway the same auth.pepper',
    )
  }
}
