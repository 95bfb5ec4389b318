import { ListenError } from './listen-error.ts'

/**
 * Tries to listen on an address, and closes the listener at once. Returns the error that a listener would throw, or
 * `undefined`.
 */
export function tryListening(
  address: Pick<ListenError, 'host' | 'port' | 'settings'>,
): ListenError | undefined {
  try {
    const hostname = address.host.replace(/^\[|\]$/g, '')
    const fetch = (): Response => new Response(null, { status: 503 })
    void Bun.serve({ hostname, port: address.port, reusePort: false, development: false, fetch }).stop(true)
    return undefined
  } catch (error) {
    return new ListenError(address, error)
  }
}
