import type { Vendor } from './vendor.ts'

/** An error of the gateway, as a dialect writes it down. */
export interface RefusalFacts {
  /** The gateway's own code, which every dialect that has room for one carries. */
  readonly code: string
  /** HTTP status. */
  readonly status: number
  readonly message: string
  /** A budget is spent: waiting does not help. */
  readonly spent: boolean
  /** Members about the limit that refused; empty for other refusals. */
  readonly limit: object
  readonly correlationId: string
}

/** The words of one family of APIs: what its SDKs expect of errors, and where they look for the gateway. */
export interface Dialect {
  /** As `providers.<name>.api` names it. */
  readonly name: string
  /** The vendor that invented it. */
  readonly vendor: Vendor
  /** Lower-case name of the field that takes its keys. `Authorization: Bearer` without it. */
  readonly keyField?: string
  /** Paths of another vendor's API that the vendor offers too, which takes the key as a bearer token. */
  readonly bearerPaths?: RegExp
  /** Content of an error response. */
  errorBody(refusal: RefusalFacts): object
  /** Whether an error event in a stream has the name `error`. Without it the event has no name. */
  readonly namesErrorEvents?: true
  /** Paths that its clients call below the base URL, for the hint of a 404. */
  readonly clientPaths?: readonly ClientPath[]
}

/** A path of a client that missed the provider's prefix. */
export interface ClientPath {
  readonly beginning: RegExp
  /** What is missing between prefix and path; empty for nothing. */
  readonly missing: '' | '/v1'
}
