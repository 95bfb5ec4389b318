import type { Identity } from '../access/keyring.ts'
import type { KeyUse } from '../access/key-store.ts'

/** How often uses are handed over. */
const HAND_OVER_MS = 5000

/** Collects when keys were used last: a request costs a look into a map. */
export class KeyUses {
  readonly #handOver: (uses: readonly KeyUse[]) => void
  readonly #atMs = new Map<Identity, number>()
  readonly #timer: ReturnType<typeof setInterval>

  constructor(handOver: (uses: readonly KeyUse[]) => void) {
    this.#handOver = handOver
    this.#timer = setInterval(() => this.flush(), HAND_OVER_MS)
    this.#timer.unref()
  }

  note(identity: Identity): void {
    this.#atMs.set(identity, Date.now())
  }

  flush(): void {
    if (this.#atMs.size === 0) return
    this.#handOver(
      [...this.#atMs].map(([{ caller }, atMs]) => ({
        organizationId: caller.organizationId,
        workspaceId: caller.workspaceId,
        id: caller.keyId,
        atUs: atMs * 1000,
      })),
    )
    this.#atMs.clear()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.flush()
  }
}
