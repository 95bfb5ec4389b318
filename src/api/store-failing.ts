import { GatewayError } from '../errors.ts'
import { QueryError } from '../storage/storage-error.ts'

/**
 * Queries the store.
 *
 * @param message the response's text when the store does not respond
 * @throws GatewayError `storage_unavailable`, or `bad_request` for a query that is too large
 */
export async function storeFailing<T>(message: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof QueryError) throw new GatewayError('bad_request', error.message, { cause: error })
    throw new GatewayError('storage_unavailable', message, { cause: error })
  }
}
