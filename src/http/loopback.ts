/** Whether a name or address, in lower case and without brackets, always means this machine. @see https://datatracker.ietf.org/doc/html/rfc6761#section-6.3 */
export function isLoopbackHost(name: string): boolean {
  return (
    name === 'localhost' ||
    name === '::1' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) ||
    name.endsWith('.localhost')
  )
}

/** Whether the peer of a connection is on this machine. @param address as the system writes it; empty when unknown */
export function isLoopbackPeer(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')
}
