import type { WireApi } from './apis/wire-api.ts'
import type { DialectName } from './dialects/dialects.ts'

/** The method of an operation; `WS` is an upgrade to a WebSocket. */
export type OperationMethod = 'POST' | 'GET' | 'PATCH' | 'WS'

/** What an operation can cost. `because` says why, and where that is published. */
export type OperationCost =
  /** What its response reports; `api` reads it. */
  | { readonly kind: 'answered' }
  /** Nothing, by its nature. */
  | { readonly kind: 'free'; readonly because: string }
  /** A small amount that is not read: the cost is unknown. */
  | { readonly kind: 'unread'; readonly because: string }
  /** Nothing by itself, but it starts work that is billed with other requests, in any amount. Hard and strict budgets refuse it. */
  | { readonly kind: 'later'; readonly because: string }
  /** Any amount, which neither the request nor its response shows: the cost is unknown, and hard and strict budgets refuse it. */
  | { readonly kind: 'unseen'; readonly because: string }
  /** Unknown: no row has the call. */
  | { readonly kind: 'unknown' }

/** Where the models stand that an operation runs. Whatever else a request names must be allowed too. */
export type OperationModels = ModelsPlace & {
  /** It runs one only where its content has this member. */
  readonly onlyWith?: string
}

type ModelsPlace =
  /** In its content, at the top level: a member `model` or `models`, or a field of a form. */
  | { readonly kind: 'content' }
  /** In its path, and the upstream goes by it. */
  | { readonly kind: 'path' }
  /** In its query: a WebSocket that is for one model. */
  | { readonly kind: 'query' }
  /** In the messages of a WebSocket. Each may name another. */
  | { readonly kind: 'messages' }
  /** In no part of the request: `where` says where. */
  | { readonly kind: 'elsewhere'; readonly where: string }
  /** None: it reads, keeps, counts, or ends something. */
  | { readonly kind: 'none' }

/** One operation of a provider's API, as far as the gateway judges it. */
export interface Operation {
  readonly method: OperationMethod
  /** End of the path as the provider documents it; `{}` is any one segment, `:verb` and `.Method` the end of one. Case does not matter. */
  readonly path: string
  /** Reads its response; absent if it reports nothing. */
  readonly api?: WireApi
  readonly cost: OperationCost
  readonly models: OperationModels
  /** Further places of models in its content: names of members joined by dots, `*` for every element of a list. */
  readonly nested?: readonly string[]
  /** Its response is streamed, whatever its content says. */
  readonly streams?: true
  /** The dialect of its errors, if one vendor invented the API; absent if the provider's dialect counts. */
  readonly dialect?: DialectName
}

/** Whether an operation may be billed by what its response reports: it is not free, and does not repeat what another was billed for. */
export function mayBill({ api }: Operation): boolean {
  return api !== undefined && !api.freeUnlessReported && !api.fetches
}

/** Whether nothing is billed with an operation itself. */
export function isFree({ cost }: Operation): boolean {
  return cost.kind === 'free' || cost.kind === 'later'
}
