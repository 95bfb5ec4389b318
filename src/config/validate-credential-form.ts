import type { CredentialForm, CredentialSourceSettings } from '../credentials/settings.ts'
import { withoutCredentials } from '../redaction/without-credentials.ts'
import { quote } from './scalar.ts'

/** What a source holds, as decoded. */
interface RawForm {
  readonly type: string
  readonly region: string
  readonly service: string
}

const TYPES = ['aws', 'google_service_account'] as const

/** Hosts of Bedrock, of VPC endpoints too. */
const BEDROCK_HOST = /(?:^|\.)bedrock-(runtime|mantle)(?:-fips)?\.([a-z0-9-]+)\./

const SCOPE_PART = /^[a-z0-9-]{1,64}$/

/**
 * Checks `type` of a credential and what belongs to it.
 *
 * @param upstream base URL of the provider, whose host may name the region
 * @returns `undefined` when the source holds the credential itself
 */
export function checkForm(
  raw: RawForm,
  source: CredentialSourceSettings,
  path: string,
  upstream: string,
  wrong: (path: string, message: string) => void,
): CredentialForm | undefined {
  const type = raw.type.trim()
  const isKnown = type === '' || (TYPES as readonly string[]).includes(type)
  if (!isKnown) {
    const got = withoutCredentials(type) === type && type.length <= 64 ? quote(type) : 'something else'
    wrong(`${path}.type`, `${path}.type must be one of ${TYPES.join(', ')}, or left out (got ${got})`)
  }
  for (const name of ['region', 'service'] as const) {
    if (raw[name].trim() !== '' && type !== 'aws')
      wrong(`${path}.${name}`, `${path}.${name} belongs to type: aws`)
  }
  if (type !== '' && source.kind === 'token_exchange')
    wrong(`${path}.type`, `${path}.type does not go with token_exchange, which returns the credential itself`)
  if (type === 'google_service_account') return { kind: type }
  return type === 'aws' ? checkAws(raw, source, path, upstream, wrong) : undefined
}

function checkAws(
  raw: RawForm,
  source: CredentialSourceSettings,
  path: string,
  upstream: string,
  wrong: (path: string, message: string) => void,
): CredentialForm {
  const { hostname } = URL.canParse(upstream) ? new URL(upstream) : { hostname: '' }
  const [, endpoint, ofHost = ''] = BEDROCK_HOST.exec(hostname) ?? []
  const region = raw.region.trim() || ofHost
  const service = raw.service.trim() || (endpoint === 'mantle' ? 'bedrock-mantle' : 'bedrock')
  if (region === '')
    wrong(
      `${path}.region`,
      `${path}.region is required: the host of upstream names none; write such as us-east-1`,
    )
  for (const [name, value] of Object.entries({ region, service })) {
    if (value !== '' && !SCOPE_PART.test(value))
      wrong(`${path}.${name}`, `${path}.${name} must be of lower-case letters, digits and "-"`)
  }
  if (source.kind === 'environment' && source.variable !== '' && !source.variable.endsWith('ACCESS_KEY_ID')) {
    wrong(
      `${path}.env`,
      `${path}.env names the variable of the key's id, which ends in ACCESS_KEY_ID; write such as AWS_ACCESS_KEY_ID`,
    )
  }
  return { kind: 'aws', region, service }
}
