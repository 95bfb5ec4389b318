import type { ReadScope } from '../access/key-store.ts'
import type { LimitRecords } from './contract/limit-records.ts'
import type { TenantDirectory } from './contract/tenant-directory.ts'
import type { TraceReader } from './contract/traces.ts'
import type { StorageConfig } from './settings.ts'

/** Methods of the query thread. */
export type QueryMethod =
  keyof TraceReader | keyof TenantDirectory | keyof LimitRecords | 'extent' | 'audit' | 'spent' | 'limits'

/** How much is stored. */
export interface Extent {
  readonly traces: number
  readonly bytes: number
}

/** One request to the query thread. `scope` is null for everything. */
export type QueryRequest =
  | { readonly kind: 'open'; readonly settings: StorageConfig }
  | { readonly kind: 'close' }
  | {
      readonly kind: 'query'
      readonly id: number
      readonly scope: ReadScope | null
      readonly method: QueryMethod
      readonly parameters: readonly unknown[]
    }

/** The query thread's reply. */
export type QueryReply =
  | { readonly closed: true }
  | { readonly id: number; readonly value: unknown }
  /** `kind` distinguishes a wrong query from a store that did not respond. */
  | { readonly id: number; readonly error: string; readonly kind: 'query' | 'store' }
