/**
 * A part of the gateway that cannot be started, as the contract names it: `failed to initialize <part>: <message>`. The message
 * says what to do.
 */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly part: string

  constructor(part: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.part = part
  }
}

/** Does something for a part. @throws StartError that names the part, or the one that was thrown */
export async function starting<T>(part: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(part, error instanceof Error ? error.message : String(error), { cause: error })
  }
}
