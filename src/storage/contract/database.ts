/** The database that holds a store: its size, its health, its end. */
export interface Database {
  readonly driver: 'sqlite' | 'postgres'
  /** Size on disk in bytes; 0 when it is not known. */
  sizeBytes(): Promise<number>
  /**
   * Returns some of the space that deletions left to the file system.
   *
   * @returns whether more can be returned
   */
  shrink(): Promise<boolean>
  state(): Promise<StoreState>
  /** Runs the database's own check. @returns the damage, in the database's words; empty when there is none */
  damage(): Promise<readonly string[]>
  /** Throws when the store does not respond. */
  ping(): Promise<void>
  classify(error: unknown): WriteErrorClass
  close(): Promise<void>
}

/** A store as `db status` shows it. */
export interface StoreState {
  /** Names of the applied migrations, in order. */
  readonly applied: readonly string[]
  /** Those applied when this store was opened. */
  readonly appliedNow: readonly string[]
  /** Warnings for the operator: a role that bypasses row-level security, a version that is too old. */
  readonly warnings: readonly string[]
  /** The database and its version. */
  readonly server: string
}

/** Why a write failed, as the diagnostics count it. */
export type WriteErrorClass = 'connection' | 'timeout' | 'contention' | 'constraint' | 'unknown'

/**
 * Notified when opening a store waits for others who hold its lock.
 *
 * @param users the gateways that use it, in their own words; empty when it is another program, or not known
 */
export type Waiting = (path: string, users: readonly string[]) => void
