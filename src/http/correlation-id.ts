/** Header field of the correlation id, in lower case. */
export const CORRELATION_FIELD = 'x-ongoingai-correlation-id'

const CANDIDATES = [CORRELATION_FIELD, 'x-request-id', 'x-correlation-id']
const MAX_LENGTH = 128
const USABLE = /^[A-Za-z0-9_.:-]+$/

/**
 * The correlation id of a request: the first usable one it brings, else a new one.
 *
 * A value is trimmed, cut to 128 characters, and usable when every character left is one of `A-Za-z0-9_.:-`.
 *
 * @param fields lower-case names
 * @param own 32 hexadecimal digits that no other request has, if there are some already
 */
export function correlationIdOf(fields: Readonly<Record<string, string>>, own?: string): string {
  for (const name of CANDIDATES) {
    const value = fields[name]?.trim().slice(0, MAX_LENGTH)
    if (value !== undefined && USABLE.test(value)) return value
  }
  return `corr-${own ?? crypto.randomUUID().replaceAll('-', '')}`
}
