import { ListenError } from './listen-error.ts'

/** Whether an address can be listened on now: the error that a listener would throw, or `undefined`. Lets go of it at once. */
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
