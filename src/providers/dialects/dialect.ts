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

/** The dialects of requests that a provider understands, and where it serves each; a member is absent for one that it does not. */
export type SpokenDialects = Readonly<Partial<Record<ModelDialect, ServedAt>>>

/**
 * Where a dialect stands below a base URL: what comes in place of `/v1` (`/v1beta` for Gemini), or the calls by their own paths. Only these
 * are served then. Their keys are what follows the version in the dialect's own paths, such as `/messages`.
 */
export type ServedAt = string | Readonly<Record<string, ServedCall>>

/** A call that a provider takes at another path and with a few other members, and answers as the dialect says. */
export interface ServedCall {
  /** Path below the base URL, with `{model}` where the model's name stands. */
  readonly path: string
  /** The same for a request that wants a stream; absent if its streams are not those of the dialect. */
  readonly streamPath?: string
  /** Members of the content that are removed. */
  readonly without: readonly string[]
  /** Members that are added unless the request has them. */
  readonly with: Readonly<Record<string, string>>
  /** Members that are added as lists of what a field lists with commas, by the field's lower-case name, unless the request has them. */
  readonly listsOf?: Readonly<Record<string, string>>
}

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
  /** Paths of another vendor's API that it offers too, and the lower-case name of the field that takes the key there. */
  readonly otherKeyField?: { readonly paths: RegExp; readonly field: string }
  /** Content of an error response. */
  errorBody(refusal: RefusalFacts): object
  /** The dialects of requests that its providers understand, and where. */
  readonly speaks: SpokenDialects
  /** Its base URLs may have a path of any kind, and what it serves stands below that. */
  readonly belowAnyPath?: true
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
