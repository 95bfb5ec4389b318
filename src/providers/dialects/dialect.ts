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

/** A dialect in which requests are routed by their model. */
export type ModelDialect = 'openai' | 'anthropic' | 'gemini'

/** Where the resources of a dialect stand below a base URL: what comes in place of `/v1` (`/v1beta` for Gemini). */
export type SpokenDialects = Readonly<Partial<Record<ModelDialect, string>>>

/** A model that callers may use. Members are absent where they are not known. */
export interface OfferedModel {
  /** What callers put into `model`. */
  readonly name: string
  /** Name of the provider of its first target. */
  readonly provider: string
  /** What the gateway adds, by the names in the contract. */
  readonly details: {
    readonly context_window?: number
    readonly max_output_tokens?: number
    readonly input_usd_per_million?: number
    readonly output_usd_per_million?: number
  }
}

/** How a dialect writes models down. */
export interface ModelList {
  /** The content of the response for one. */
  one(model: OfferedModel): object
  /** The content of the response for all: one page. */
  all(models: readonly OfferedModel[]): object
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
  /** The dialects of requests that its providers understand, and where. */
  readonly speaks: SpokenDialects
  /** How lists of models are written; absent where the gateway answers none. */
  readonly modelList?: ModelList
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
