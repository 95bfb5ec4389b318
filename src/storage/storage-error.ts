/** The store cannot be opened. The message is for the operator and holds no secret. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

/** Others keep a SQLite file locked. */
export class StoreLockedError extends StorageError {
  /** SQLite's own. */
  readonly code = 'SQLITE_BUSY'

  /** @param users the gateways that use it, in their own words; empty when it is another program, or not known */
  constructor(path: string, users: readonly string[], cause: unknown) {
    super(`sqlite database "${path}" is locked by ${lockers(users)}`, { cause })
  }
}

/** Who keeps a SQLite file locked, for people to read. That a gateway uses it does not prove that it is the one. */
export function lockers(users: readonly string[]): string {
  return users.length === 0 ? 'another process' : `another process; it is used by ${users.join(' and ')}`
}

/** A query that the store refuses. The message says what to query instead, and holds no secret. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
}
