import type { HeldValue } from './held-value.ts'

/** What a source returned. Problems hold nothing of a value. */
export type CredentialReading =
  | {
      readonly kind: 'value'
      readonly value: HeldValue
      /** Epoch milliseconds; absent when it is not known to expire. */
      readonly expiresAtMs?: number
    }
  /** There is no value any more: its file is missing or empty, its variable is not set. */
  | { readonly kind: 'gone'; readonly problem: string }
  /** The source could not be asked. A value that was read before stays. */
  | { readonly kind: 'failed'; readonly problem: string }
