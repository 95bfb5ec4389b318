import type { DialectName } from './dialects/dialects.ts'
import type { WireApi } from './apis/wire-api.ts'

/** How an operation is asked for; `WS` is an upgrade to a WebSocket. */
export type OperationMethod = 'POST' | 'GET' | 'PATCH' | 'WS'

/** What an operation can cost. `because` says why, and where that is published. */
export type OperationCost =
  /** What its answer reports; `api` says how that is read. */
  | { readonly kind: 'answered' }
  /** Nothing, by its nature. */
  | { readonly kind: 'free'; readonly because: string }
  /** A small amount that is not read: the cost is unknown. */
  | { readonly kind: 'unread'; readonly because: string }
  /** Nothing by itself, but it starts what is billed with other requests, in any amount. No budget that refuses can be held against it. */
  | { readonly kind: 'later'; readonly because: string }
  /** Any amount, which neither the request nor its answer tells: the cost is unknown, and no budget can be held against it either. */
  | { readonly kind: 'unseen'; readonly because: string }
  /** Nobody knows: the call stands in no row. */
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
  /** In the messages of a WebSocket, of which each may name another. */
  | { readonly kind: 'messages' }
  /** In no part of the request: `where` says where. */
  | { readonly kind: 'elsewhere'; readonly where: string }
  /** It runs none: it reads, keeps, counts, or ends something. */
  | { readonly kind: 'none' }

/** One operation of a provider's API, as far as the gateway judges it. */
export interface Operation {
  readonly method: OperationMethod
  /** End of the path as the provider documents it; `{}` is any one segment, `:verb` and `.Method` the end of one. Case does not matter. */
  readonly path: string
  /** How its answer is read; absent where it reports nothing. */
  readonly api?: WireApi
  readonly cost: OperationCost
  readonly models: OperationModels
  /** Further places of models in its content: names of members joined by dots, `*` for every element of a list. */
  readonly nested?: readonly string[]
  /** It is answered bit by bit, whatever its content says. */
  readonly streams?: true
  /** Whose words its errors speak, where one vendor invented the API; absent where the provider's own count. */
  readonly dialect?: DialectName
}

/** Whether an operation may be billed by what its answer reports: it is neither free nor repeats what another was billed for. */
export function mayBill({ api }: Operation): boolean {
  return api !== undefined && !api.freeUnlessReported && !api.fetches
}

/** Whether nothing is billed with an operation itself. */
export function isFree({ cost }: Operation): boolean {
  return cost.kind === 'free' || cost.kind === 'later'
}
