import { heldAwsKeys } from '../aws-keys.ts'
import type { CredentialReading } from '../credential-reading.ts'
import type { SourceText } from './source-text.ts'

/** The end of the name of a variable that holds the id of a key. */
const ID_VARIABLE = /ACCESS_KEY_ID$/

/** What a field can carry. */
const VISIBLE = /^[\u0021-\u007e]{1,16384}$/

/**
 * Reads keys of AWS in the JSON that `aws configure export-credentials` and every `credential_process` print, or in the one that
 * `aws sts assume-role` prints.
 *
 * @param source what to call the source in a problem
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export function readAwsKeys(text: string, source: string): CredentialReading {
  const shape = `${source} must hold JSON with AccessKeyId and SecretAccessKey, as aws configure export-credentials prints it`
  const given = objectOf(text)
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = membersOf(given['Credentials'] ?? given)
  if (!isKey(AccessKeyId) || !isKey(SecretAccessKey)) return { kind: 'gone', problem: shape }
  const hasToken = SessionToken !== undefined && SessionToken !== null && SessionToken !== ''
  if (hasToken && !isKey(SessionToken)) return { kind: 'gone', problem: shape }
  const expiresAtMs = typeof Expiration === 'string' ? Date.parse(Expiration) : Number.NaN
  return {
    kind: 'value',
    value: heldAwsKeys({
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: hasToken ? SessionToken : '',
    }),
    ...(Number.isFinite(expiresAtMs) ? { expiresAtMs } : {}),
  }
}

/**
 * The keys of the environment, as `readAwsKeys` reads them.
 *
 * @param variable holds the id, and its name ends in `ACCESS_KEY_ID`; the secret and the token stand in those with `SECRET_ACCESS_KEY` and
 *   `SESSION_TOKEN` instead. It may also hold all of it as JSON
 */
export function awsKeyVariables(variable: string): SourceText {
  const id = process.env[variable]?.trim()
  if (id === undefined) return { kind: 'gone', problem: `the variable ${variable} is not set` }
  const source = `the variable ${variable}`
  if (id.startsWith('{')) return { kind: 'text', text: id, source }
  const secretVariable = variable.replace(ID_VARIABLE, 'SECRET_ACCESS_KEY')
  const secret = process.env[secretVariable]?.trim()
  if (!secret) return { kind: 'gone', problem: `the variable ${secretVariable} is not set` }
  const token = process.env[variable.replace(ID_VARIABLE, 'SESSION_TOKEN')]?.trim()
  return {
    kind: 'text',
    text: JSON.stringify({ AccessKeyId: id, SecretAccessKey: secret, SessionToken: token ?? '' }),
    source,
  }
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && VISIBLE.test(value)
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return membersOf(JSON.parse(text))
  } catch {
    return {}
  }
}

function membersOf(value: unknown): Record<string, unknown> {
  return (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
}
