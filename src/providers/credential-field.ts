import { dialectNamed, type DialectName } from './dialects/dialects.ts'

/** What of a provider decides where its credential goes. */
interface CredentialTaker {
  readonly dialect: DialectName
  /** The provider's own field from the settings, lower-case; empty for none. */
  readonly credentialField: string
}

/**
 * The field that carries a credential of the gateway to a provider: the one of the settings, else the one of its dialect. Tokens are bearer
 * tokens in every dialect.
 *
 * @param path of the request, below the provider's prefix
 * @returns name in lower case, and value
 */
export function credentialField(
  { dialect, credentialField: own }: CredentialTaker,
  path: string,
  credential: string,
  isToken: boolean,
): readonly [name: string, value: string] {
  const { keyField = 'authorization', bearerPaths, otherKeyField } = dialectNamed(dialect)
  const ofPath = otherKeyField?.paths.test(path) ? otherKeyField.field : keyField
  const ofDialect = isToken || bearerPaths?.test(path) ? 'authorization' : ofPath
  const name = own === '' ? ofDialect : own
  return [name, name === 'authorization' ? `Bearer ${credential}` : credential]
}
