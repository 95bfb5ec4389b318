import { secret } from '../redaction/detectors/secret.ts'

const SCRUBBED = '[CREDENTIAL_REDACTED]'

/** What the contract scrubs besides what looks like a credential by itself. */
const ASSIGNED = [/\bBearer\s+[a-z0-9_.\-/+=]{8,}(?![\w])/gi, /\b(?:password|secret|token)\s*=\s*\S{4,}/gi]

/** Texts shorter than this hold no credential. */
const MIN_LENGTH = 8

/** A text without credentials; one that has none is returned as it is. */
export function scrub(text: string): string {
  if (text.length < MIN_LENGTH) return text
  let scrubbed = ''
  let from = 0
  for (const { start, end } of secret.find(text)) {
    scrubbed += text.slice(from, start) + SCRUBBED
    from = end
  }
  scrubbed += text.slice(from)
  for (const pattern of ASSIGNED) scrubbed = scrubbed.replaceAll(pattern, SCRUBBED)
  return scrubbed === text ? text : scrubbed.trim()
}
