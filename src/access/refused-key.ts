import { DEFAULT_KEY_FIELD } from './key-field.ts'
import { GatewayError } from '../errors.ts'

/** The contract's text for every refused key. */
const REFUSED = 'missing or invalid gateway key'

/** How tokens of gateway keys begin, made by `keys create` or by hand after its example. */
const GATEWAY_TOKEN = /^og[a-z]*[-_]/

/** Beginnings of credentials that providers give out. */
const PROVIDER_TOKEN = /^(sk-|sk_|AIza|gsk_|xai-|pplx-|eyJ)/

/** Where clients put a provider's credential. */
const CREDENTIAL_FIELDS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'] as const

/**
 * Why a request without a valid gateway key is refused: which field is read, and what seems to be in the wrong field. The message repeats
 * nothing that was sent.
 *
 * @param fields lower-case names
 * @param keyField lower-case name of the gateway key field
 * @param takesProviderField whether the key may also stand where the provider's key stands
 */
export function refusedKey(
  fields: Readonly<Record<string, string>>,
  keyField: string,
  takesProviderField = false,
): GatewayError {
  const name = keyField === DEFAULT_KEY_FIELD.toLowerCase() ? DEFAULT_KEY_FIELD : keyField
  const token = fields[keyField]?.trim() ?? ''
  if (token !== '') {
    const looks = PROVIDER_TOKEN.test(token)
      ? `what ${name} holds looks like a provider key; it takes a gateway key, and the provider key goes where the provider wants it`
      : looksLikeGatewayKey(token)
        ? `what ${name} holds looks like a gateway key, but no key of this gateway has it now`
        : `no key of this gateway has the token that ${name} holds`
    return new GatewayError('invalid_gateway_key', `${REFUSED}: ${looks}`)
  }
  const elsewhere = CREDENTIAL_FIELDS.find((field) => looksLikeGatewayKey(bare(fields[field])))
  if (takesProviderField) {
    if (elsewhere === undefined) {
      return new GatewayError(
        'missing_gateway_key',
        `${REFUSED}: it is neither in ${name} nor where the provider's key goes`,
      )
    }
    const looks = `what ${elsewhere} holds looks like a gateway key, but no key of this gateway has it now`
    return new GatewayError('invalid_gateway_key', `${REFUSED}: ${looks}`)
  }
  const hint =
    elsewhere === undefined
      ? ''
      : `; what ${elsewhere} holds looks like a gateway key, which belongs into ${name}`
  return new GatewayError('missing_gateway_key', `${REFUSED}: ${name} is read, and it is not there${hint}`)
}

/** Whether a text looks like the token of a gateway key. */
export function looksLikeGatewayKey(text: string): boolean {
  return GATEWAY_TOKEN.test(text)
}

function bare(value: string | undefined): string {
  return (value ?? '').trim().replace(/^bearer\s+/i, '')
}
