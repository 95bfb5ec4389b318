/** The database that holds a store: its size, its health, its end. */
export interface Database {
  readonly driver: 'sqlite' | 'postgres'
  /** Size on disk in bytes; 0 when it cannot be told. */
  sizeBytes(): Promise<number>
  /**
   * Gives some of the space that deletions have left back to the file system.
   *
   * @returns whether there is more
   */
  shrink(): Promise<boolean>
  state(): Promise<StoreState>
  /** Lets the database look at itself. @returns what is damaged, in its own words; nothing when all is well */
  damage(): Promise<readonly string[]>
  /** Throws when the store cannot answer. */
  ping(): Promise<void>
  classify(error: unknown): WriteErrorClass
  close(): Promise<void>
}

/** A store as `db status` shows it. */
export interface StoreState {
  /** Names of the migrations it has taken, in order. */
  readonly applied: readonly string[]
  /** Those of them that were taken when this store was opened. */
  readonly appliedNow: readonly string[]
  /** What an operator should know, in words: a role that bypasses row-level security, a version that is too old. */
  readonly warnings: readonly string[]
  /** The database and its version. */
  readonly server: string
}

/** Why a write failed, as the diagnostics count it. */
export type WriteErrorClass = 'connection' | 'timeout' | 'contention' | 'constraint' | 'unknown'

/**
 * Told when opening a store waits for others who have locked it.
 *
 * @param users the gateways that use it, in their own words; empty when it is another program, or not known
 */
export type Waiting = (path: string, users: readonly string[]) => void
