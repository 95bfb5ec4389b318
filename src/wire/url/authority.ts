/** `host:port` of an address; an IPv6 address stands in brackets, whether it came in them or not. @see RFC 3986, 3.2.2 */
export function authority(host: string, port: number): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}
