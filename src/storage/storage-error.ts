/** The store cannot be opened. The message is for the operator and holds no secret. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}

/** A question that the store does not answer as it was asked. The message says what to ask instead, and holds no secret. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError'
}
