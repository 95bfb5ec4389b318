import type { LoadedConfig } from '../config/load.ts'
import { redactionKeyProblem } from '../gateway/redaction-key.ts'
import { Scopes } from '../redaction/scopes.ts'
import type { Finding } from './doctor-checks.ts'

/** What the policy does, and which parts of an exchange it does not see. */
export function checkRedaction({ config }: LoadedConfig): Omit<Finding, 'name'> {
  const { redaction } = config.pii
  const { mode, uninspectable, scopes } = redaction
  const problem = redactionKeyProblem(config)
  if (problem !== undefined)
    return { status: 'fail', summary: 'failed to initialize redaction key', details: [problem] }
  const details = [`mode: ${mode}`, `uninspectable: ${uninspectable}`, `scopes: ${scopes.length}`]
  if (!new Scopes(redaction).guards)
    return { status: 'pass', summary: 'no policy looks at content on its way', details }
  return {
    status: 'pass',
    summary: 'policies look at content on its way',
    details: [
      ...details,
      'not looked at: header fields, numbers, and media where uninspectable is "allow"',
      'redact modes send path and query as they came; block modes refuse what they find there',
    ],
  }
}
