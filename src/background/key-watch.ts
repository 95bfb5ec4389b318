import type { KeyList, KeyUse } from '../access/key-store.ts'
import type { TenantDirectory } from '../storage/contract/tenant-directory.ts'

/** How often the store is checked for changed keys: a revoked key is refused everywhere within a second. */
const WATCH_MS = 300

/** How often uses of keys are noted. */
const NOTE_MS = 5000

/** What the watch needs around it. */
export interface KeyWatchPorts {
  readonly directory: TenantDirectory
  readonly wanted: () => boolean
  /** Called whenever the store has responded; with its keys if they have changed. */
  readonly seen: (list: KeyList | undefined) => void
}

/** Watches the gateway keys of the store, and notes there when they were used last. */
export class KeyWatch {
  readonly #ports: KeyWatchPorts
  readonly #uses = new Map<string, KeyUse>()
  readonly #timers: readonly ReturnType<typeof setInterval>[]
  #version = -1
  #watching = false

  constructor(ports: KeyWatchPorts) {
    this.#ports = ports
    this.#timers = [
      setInterval(() => void this.#watch(), WATCH_MS),
      setInterval(() => void this.#note(), NOTE_MS),
    ]
  }

  /** Takes uses of keys, to be noted with the next. */
  used(keys: readonly KeyUse[]): void {
    for (const use of keys) {
      const name = JSON.stringify([use.organizationId, use.workspaceId, use.id])
      if ((this.#uses.get(name)?.atUs ?? 0) < use.atUs) this.#uses.set(name, use)
    }
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#note()
  }

  async #watch(): Promise<void> {
    if (this.#watching || !this.#ports.wanted()) return
    this.#watching = true
    try {
      const version = await this.#ports.directory.keysVersion()
      const list = version === this.#version ? undefined : await this.#ports.directory.activeKeys()
      this.#version = list?.version ?? version
      this.#ports.seen(list)
    } catch {
      // The writer reports a store that does not respond. Known keys stay valid for as long as the settings say.
    } finally {
      this.#watching = false
    }
  }

  async #note(): Promise<void> {
    if (this.#uses.size === 0) return
    const uses = [...this.#uses.values()]
    this.#uses.clear()
    // What could not be noted is noted with the next uses.
    await this.#ports.directory.touchKeys(uses).catch(() => this.used(uses))
  }
}
