import { readFile } from 'node:fs/promises'
import type { CredentialReading } from '../credential-reading.ts'
import type { TokenExchangeSettings } from '../settings.ts'
import { fileProblem } from './file-source.ts'
import { requestToken } from './token-endpoint.ts'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/**
 * Exchanges the token of a file for a credential.
 *
 * @param nowMs epoch milliseconds
 * @param signal ends it
 * @see https://datatracker.ietf.org/doc/html/rfc8693#section-2
 */
export async function exchangeToken(
  { url, subjectTokenFile, subjectTokenType, audience }: TokenExchangeSettings,
  nowMs: number,
  signal: AbortSignal,
): Promise<CredentialReading> {
  let subject: string
  try {
    subject = (await readFile(subjectTokenFile, 'utf8')).trim()
  } catch (error) {
    return { kind: 'failed', problem: fileProblem(subjectTokenFile, error).problem }
  }
  if (subject === '') return { kind: 'failed', problem: `the file ${subjectTokenFile} is empty` }
  const form = {
    grant_type: GRANT_TYPE,
    subject_token: subject,
    subject_token_type: subjectTokenType,
    ...(audience === '' ? {} : { audience }),
  }
  return requestToken(url, form, nowMs, signal)
}
