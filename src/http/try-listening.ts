import { ListenError } from './listen-error.ts'

/** Whether an address can be listened on now: the error that a listener would throw, or `undefined`. Lets go of it at once. */
export function tryListening(
  address: Pick<ListenError, 'host' | 'port' | 'settings'>,
): ListenError | undefined {
  try {
    const { host, port } = address
    const socket = { data: () => undefined }
    Bun.listen({ hostname: host.replace(/^\[|\]$/g, ''), port, exclusive: true, socket }).stop(true)
    return undefined
  } catch (error) {
    return new ListenError(address, error)
  }
}
