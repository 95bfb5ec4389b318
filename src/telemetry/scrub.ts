import { withoutCredentials } from '../redaction/without-credentials.ts'

const SCRUBBED = '[CREDENTIAL_REDACTED]'

/** What the contract scrubs together with its name. */
const ASSIGNED = [/\bBearer\s+[a-z0-9_.\-/+=]{8,}(?![\w])/gi, /\b(?:password|secret|token)\s*=\s*\S{4,}/gi]

/** A text without credentials, as telemetry shows it. A text that has none is returned unchanged. */
export function scrub(text: string): string {
  let scrubbed = text
  for (const pattern of ASSIGNED) scrubbed = scrubbed.replaceAll(pattern, SCRUBBED)
  scrubbed = withoutCredentials(scrubbed, SCRUBBED)
  return scrubbed === text ? text : scrubbed.trim()
}
