import type { CredentialReading } from '../credential-reading.ts'
import type { CredentialSourceSettings } from '../settings.ts'
import { runCredentialCommand } from './command-source.ts'
import { credentialText } from './credential-text.ts'
import { readCredentialFile } from './file-source.ts'
import { exchangeToken } from './token-exchange.ts'

/**
 * Reads the value of a credential from where the settings say. Never throws.
 *
 * @param nowMs epoch milliseconds
 * @param signal ends it
 */
export async function readSource(
  source: CredentialSourceSettings,
  nowMs: number,
  signal: AbortSignal,
): Promise<CredentialReading> {
  switch (source.kind) {
    case 'environment': {
      const value = process.env[source.variable]
      if (value === undefined) return { kind: 'gone', problem: `the variable ${source.variable} is not set` }
      return credentialText(value, `the variable ${source.variable}`)
    }
    case 'file':
      return readCredentialFile(source.path)
    case 'command':
      return runCredentialCommand(source.command, signal)
    case 'token_exchange':
      return exchangeToken(source, nowMs, signal)
    default:
      return source satisfies never
  }
}
