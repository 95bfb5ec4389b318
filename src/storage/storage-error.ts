/** The store cannot be opened. The message is for the operator and holds no secret. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}
