import { pepperPrint } from '../access/key-hash.ts'
import type { KeyList, KeyReference, StoredGatewayKey } from '../access/key-store.ts'
import { type KeyHashing, Keyring } from '../access/keyring.ts'
import type { Config } from '../config/config.ts'
import { secretsFrom } from '../files/secret-file.ts'
import { budgetNeedsPrices } from '../limits/policies/caller-limits.ts'
import type { Log } from '../log.ts'
import type { TenantDirectory } from '../storage/contract/tenant-directory.ts'
import { StartError } from './start-error.ts'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

const NO_KEYS =
  'auth is enabled but no gateway keys are configured; `ongoingai keys create --role owner` makes the first'

const OTHER_PEPPER =
  'the keys of the store were hashed with another pepper: give every gateway the same auth.pepper'

/** The peppers that tokens are hashed with, the one for new hashes first. @throws Error when their file cannot be read or made */
export function peppersOf({ auth, tracing }: Pick<Config, 'auth' | 'tracing'>): readonly string[] {
  if (auth.pepper !== '') return [auth.pepper, ...auth.previousPeppers]
  return secretsFrom(pepperFile(tracing), 'pepper')
}

function pepperFile({ journal }: Config['tracing']): string {
  return join(dirname(journal.path), 'gateway-keys.pepper')
}

/**
 * Why the gateway could not start with the keys of file and store, as `GatewayKeys.configure` would say it; `undefined` when it could.
 * Changes nothing.
 *
 * @param directory `undefined` while there is no store
 * @throws Error when the pepper's file cannot be read
 */
export async function keysProblem(
  config: Config,
  directory: TenantDirectory | undefined,
): Promise<string | undefined> {
  if (!config.auth.enabled) return undefined
  const keys = (await directory?.activeKeys())?.keys ?? []
  if (config.auth.keys.length + keys.length === 0) return NO_KEYS
  const prints = knownPeppers(config).map(pepperPrint)
  if (!keys.some(({ scheme }) => scheme === 'hmac-sha256')) return undefined
  const noted = await directory?.notedPepper()
  return noted === undefined || prints.includes(noted) ? undefined : OTHER_PEPPER
}

/** The peppers without making one. */
function knownPeppers(config: Config): readonly string[] {
  if (config.auth.pepper !== '' || existsSync(pepperFile(config.tracing))) return peppersOf(config)
  return []
}

/**
 * Makes sure that the store's keys are hashed with a pepper that is known here, and notes the one that new hashes are made with.
 *
 * @throws Error when they are hashed with another: they would all be refused
 */
export async function claimPeppers(directory: TenantDirectory, peppers: readonly string[]): Promise<void> {
  const prints = peppers.map((pepper) => pepperPrint(pepper))
  const [current = ''] = prints
  const noted = await directory.claimPepper(current)
  if (noted === current) return
  if (!prints.includes(noted)) {
    throw new StartError('gateway key store', OTHER_PEPPER)
  }
  await directory.changePepper(noted, current)
}

/** The gateway keys of file and store, as they change. */
export class GatewayKeys {
  readonly #directory: TenantDirectory
  readonly #log: Log
  readonly #changed: () => void
  #auth: Config['auth']
  #stored: readonly StoredGatewayKey[] = []
  /** What `configure` need not read. */
  #found: KeyList | undefined
  /** Version of the keys that were read last. */
  #version = -1
  /** Epoch milliseconds at which the keys were known to be current. */
  #freshAt = 0
  #hashing: KeyHashing = { peppers: [], adopt: () => undefined }

  /** @param changed called when `keyring` has become another */
  constructor(auth: Config['auth'], directory: TenantDirectory, log: Log, changed: () => void) {
    this.#auth = auth
    this.#directory = directory
    this.#log = log
    this.#changed = changed
  }

  /** Takes the keys that the recorder read as it started, so that the next `configure` starts no query thread to read them. */
  foundAtStart(list: KeyList | undefined): void {
    this.#found = list
  }

  /**
   * Applies settings and reads the keys. A gateway starts while its store does not respond: its keys are taken over when it
   * does.
   *
   * @throws Error when there is no key at all, or the store's were hashed with another pepper
   */
  async configure(config: Config): Promise<void> {
    const { auth } = config
    if (auth.enabled) {
      const read = this.#found ?? (await this.#directory.activeKeys().catch(() => undefined))
      this.#found = undefined
      if (read && auth.keys.length + read.keys.length === 0) {
        throw new StartError('auth config', NO_KEYS)
      }
      const peppers = peppersOf(config)
      const stored = read?.keys ?? this.#stored
      if (stored.some(({ scheme }) => scheme === 'hmac-sha256')) await claimPeppers(this.#directory, peppers)
      this.#stored = stored
      if (read) {
        this.#freshAt = Date.now()
        this.#version = read.version
      }
      this.#hashing = {
        peppers,
        adopt: (key, before, hmac) => void this.#adopt(peppers, key, before, hmac),
      }
    }
    this.#auth = auth
  }

  /** The keys that are valid now; `undefined` while keys are off. */
  keyring(): Keyring | undefined {
    if (!this.#auth.enabled) return undefined
    const { maxStalenessMs } = this.#auth
    const freshUntil = (): number => (maxStalenessMs === 0 ? Infinity : this.#freshAt + maxStalenessMs)
    return new Keyring(this.#auth.keys, this.#stored, this.#hashing, freshUntil)
  }

  /** Whether a key has a budget of money of its own. */
  needPrices(): boolean {
    return this.#stored.some(({ limits }) => limits.some(({ budget }) => budgetNeedsPrices(budget)))
  }

  /** Peppers of tokens, that of new tokens first. The store holds its fingerprint. */
  async peppersForNewKeys(config: Config): Promise<readonly string[]> {
    const peppers = this.#auth.enabled ? this.#hashing.peppers : peppersOf(config)
    await claimPeppers(this.#directory, peppers)
    return peppers
  }

  /** What the recorder has read: the store responds, and these are its keys if they have changed. */
  take(list: KeyList | undefined): void {
    this.#freshAt = Date.now()
    // One that was read before the last change here comes too late.
    if (!list || list.version <= this.#version) return
    this.#version = list.version
    this.#stored = list.keys
    this.#changed()
  }

  /** Reads the keys again at once, because they were changed here. */
  async refresh(): Promise<void> {
    this.take(await this.#directory.activeKeys())
  }

  /** Gives a key that came with another hash ours. */
  async #adopt(peppers: readonly string[], key: KeyReference, before: string, hmac: string): Promise<void> {
    try {
      await claimPeppers(this.#directory, peppers)
      await this.#directory.adoptKey(key, before, hmac)
    } catch (error) {
      this.#log('WARN', 'gateway key keeps its old hash', { key_id: key.id, error: String(error) })
    }
  }
}
