import { RawClient } from './raw-client.ts'

/** An answer as it came off the wire. */
export interface RawAnswer {
  readonly status: number
  /** Values by lower-case name; those of repeated fields are joined by `, `. */
  readonly fields: Readonly<Record<string, string>>
  readonly text: string
}

/**
 * Sends a request byte for byte on a connection of its own and waits for its end.
 *
 * @param lines request line and field lines; `Connection: close` is added, and `Content-Length` where there is content
 */
export async function askRaw(port: number, lines: readonly string[], content = ''): Promise<RawAnswer> {
  const client = await RawClient.open(port)
  const length = content === '' ? [] : [`Content-Length: ${Buffer.byteLength(content)}`]
  client.send(`${[...lines, ...length, 'Connection: close'].join('\r\n')}\r\n\r\n${content}`)
  await client.closed()
  const [head = ''] = client.text.split('\r\n\r\n')
  const fields: Record<string, string> = {}
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    fields[name] = fields[name] === undefined ? value : `${fields[name]}, ${value}`
  }
  return { status: client.status, fields, text: client.body.toString('utf8') }
}
