import { HeldValue } from './held-value.ts'

/** Keys of AWS. */
export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Empty for keys that do not expire. */
  readonly sessionToken: string
}

/** Keys as a held value. The id is no secret: it stands in every signature. */
export function heldAwsKeys(keys: AwsKeys): HeldValue {
  const { secretAccessKey, sessionToken } = keys
  return new HeldValue(
    JSON.stringify(keys),
    sessionToken === '' ? [secretAccessKey] : [secretAccessKey, sessionToken],
  )
}

/** The keys of a value that `heldAwsKeys` made. */
export function awsKeysOf(value: HeldValue): AwsKeys {
  return JSON.parse(value.reveal()) as AwsKeys
}
