import { GatewayError } from '../errors.ts'
import { badRequest } from '../presentation/bad-request.ts'
import { readBounded } from './read-bounded.ts'
import { parseStrictJson } from '../wire/json/strict-json.ts'

/** How a body of the management API is read. */
export interface JsonBodyRules {
  readonly maxBytes: number
  /** The response's text for content that is not such a body. */
  readonly invalid: string
  /** The response's text for content that is too large. */
  readonly tooLarge: string
}

/**
 * Reads a body of the management API: nothing, `null`, or one object in UTF-8 without a byte order mark.
 *
 * @returns its members by their names in lower case: the contract takes names in any case
 * @throws GatewayError `bad_request`, `request_body_too_large`
 */
export async function readJsonObject(
  body: ReadableStream<Uint8Array> | null,
  { maxBytes, invalid, tooLarge }: JsonBodyRules,
): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBounded(body, maxBytes)
  const value = parse(bytes.subarray(0, maxBytes))
  if (bytes.length > maxBytes && value === undefined) {
    throw new GatewayError('request_body_too_large', tooLarge)
  }
  if (bytes.length > maxBytes || typeof value !== 'object' || Array.isArray(value)) throw badRequest(invalid)
  const members = Object.entries(value ?? {}).map(([name, member]) => [name.toLowerCase(), member] as const)
  if (new Set(members.map(([name]) => name)).size < members.length) throw badRequest(invalid)
  return Object.fromEntries(members)
}

/** @returns null for no content, `undefined` for anything but strict JSON */
function parse(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return /^[ \t\r\n]*$/.test(text) ? null : parseStrictJson(text)
  } catch {
    return undefined
  }
}
