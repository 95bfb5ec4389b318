import type { CredentialReading } from '../credential-reading.ts'
import type { CredentialForm, CredentialSourceSettings } from '../settings.ts'
import { awsKeyVariables, readAwsKeys } from './aws-keys-text.ts'
import { runCredentialCommand } from './command-source.ts'
import { credentialText } from './credential-text.ts'
import { readCredentialFile } from './file-source.ts'
import { tokenOfServiceAccount } from './google-service-account.ts'
import type { SourceText } from './source-text.ts'
import { exchangeToken } from './token-exchange.ts'

/**
 * Reads the value of a credential from where the settings say. Never throws.
 *
 * @param nowMs epoch milliseconds
 * @param signal ends it
 * @param form what the source holds; `undefined` for the credential itself
 */
export async function readSource(
  source: CredentialSourceSettings,
  nowMs: number,
  signal: AbortSignal,
  form?: CredentialForm,
): Promise<CredentialReading> {
  if (source.kind === 'token_exchange') return exchangeToken(source, nowMs, signal)
  const found = await textOf(source, signal, form)
  if (found.kind !== 'text') return found
  const { text, source: called } = found
  switch (form?.kind) {
    case undefined:
      return credentialText(text, called)
    case 'aws':
      return readAwsKeys(text, called)
    case 'google_service_account':
      return tokenOfServiceAccount(text, called, nowMs, signal)
    default:
      return form satisfies never
  }
}

function textOf(
  source: Exclude<CredentialSourceSettings, { readonly kind: 'token_exchange' }>,
  signal: AbortSignal,
  form: CredentialForm | undefined,
): SourceText | Promise<SourceText> {
  switch (source.kind) {
    case 'environment':
      return form?.kind === 'aws' ? awsKeyVariables(source.variable) : variable(source.variable)
    case 'file':
      return readCredentialFile(source.path)
    case 'command':
      return runCredentialCommand(source.command, signal)
    default:
      return source satisfies never
  }
}

function variable(name: string): SourceText {
  const text = process.env[name]
  if (text === undefined) return { kind: 'gone', problem: `the variable ${name} is not set` }
  return { kind: 'text', text, source: `the variable ${name}` }
}
