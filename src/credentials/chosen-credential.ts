import type { HeldValue } from './held-value.ts'

/** A credential as one attempt uses it. Hand the same object back with `report`. */
export interface ChosenCredential {
  /** Unique within its provider. Safe in traces and logs. */
  readonly name: string
  readonly value: HeldValue
}
