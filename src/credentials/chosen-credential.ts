import type { HeldValue } from './held-value.ts'
import type { AwsScope } from './settings.ts'

/** A credential as one attempt uses it. Hand the same object back with `report`. */
export interface ChosenCredential {
  /** Unique within its provider. Safe in traces and logs. */
  readonly name: string
  readonly value: HeldValue
  /** An OAuth token or JWT. It goes as a bearer token, whatever the provider's field for keys. */
  readonly isToken: boolean
  /** The value is keys of AWS, which sign requests for this and are not sent; absent for others. */
  readonly signsFor?: AwsScope
}
