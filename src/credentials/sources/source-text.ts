import type { CredentialReading } from '../credential-reading.ts'

/** What a source returned, before it is known whether it is a credential. */
export type SourceText =
  | {
      readonly kind: 'text'
      readonly text: string
      /** What to call the source in a problem: `the file /run/key`. */
      readonly source: string
    }
  | Exclude<CredentialReading, { readonly kind: 'value' }>
