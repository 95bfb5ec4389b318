/** A network of addresses: its first bits must be an address's. */
export interface Network {
  readonly bytes: Uint8Array
  readonly bits: number
}

/**
 * Reads a network in CIDR notation, IPv4 or IPv6; an address alone is a network of one.
 *
 * @returns `undefined` if the text is neither
 * @see https://datatracker.ietf.org/doc/html/rfc4632#section-3.1
 */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', length, more] = text.trim().split('/')
  const bytes = parseAddress(address)
  if (!bytes || more !== undefined) return undefined
  const widest = isMapped(bytes) && !address.includes(':') ? 32 : 128
  if (length === undefined) return { bytes, bits: 128 }
  if (!/^\d{1,3}$/.test(length) || Number(length) > widest) return undefined
  return { bytes, bits: 128 - widest + Number(length) }
}

/** Whether an address lies in one of the networks. A text that is not an address lies in none. */
export function inNetworks(address: string, networks: readonly Network[]): boolean {
  const bytes = parseAddress(address)
  return bytes !== undefined && networks.some((network) => sharesBits(bytes, network.bytes, network.bits))
}

/**
 * An address in the form for comparing and showing: without zone, and IPv4 if it was mapped into IPv6.
 *
 * @returns `undefined` if the text is not an address
 */
export function plainAddress(text: string): string | undefined {
  const bytes = parseAddress(text)
  if (!bytes) return undefined
  return isMapped(bytes) ? bytes.subarray(12).join('.') : text.split('%')[0]!.toLowerCase()
}

/** Whether every address of the inner network lies in the outer one. */
export function containsNetwork(outer: Network, inner: Network): boolean {
  return inner.bits >= outer.bits && sharesBits(inner.bytes, outer.bytes, outer.bits)
}

function sharesBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false
  const rest = bits & 7
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0
}

/** The 16 bytes of an address; IPv4 is mapped into IPv6, so that `::ffff:10.0.0.1` is `10.0.0.1`. */
function parseAddress(text: string): Uint8Array | undefined {
  if (!text.includes(':')) {
    const four = parseIPv4(text)
    return four && new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...four])
  }
  const [withoutZone = ''] = text.split('%')
  const halves = withoutZone.split('::')
  if (halves.length > 2) return undefined
  const [before, behind] = halves.map((half) => groupsOf(half))
  if (!before || (halves.length === 2 && !behind)) return undefined
  const given = before.length + (behind?.length ?? 0)
  if (halves.length === 1 ? given !== 16 : given > 14) return undefined
  return new Uint8Array([...before, ...Array<number>(16 - given).fill(0), ...(behind ?? [])])
}

/** Bytes of colon-separated groups, the last of which may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    const four = i === groups.length - 1 && group.includes('.') ? parseIPv4(group) : undefined
    if (four) bytes.push(...four)
    else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 255)
    } else return undefined
  }
  return bytes
}

function parseIPv4(text: string): number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = parts.map((part) => (/^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256))
  return bytes.every((byte) => byte < 256) ? bytes : undefined
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
}
