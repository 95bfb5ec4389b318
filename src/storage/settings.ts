/** Where traces are kept. */
export type StorageConfig =
  | { readonly driver: 'sqlite'; readonly path: string }
  | {
      readonly driver: 'postgres'
      readonly dsn: string
      readonly maxConnections: number
      readonly queryTimeoutMs: number
    }

/** What is deleted by itself. */
export interface RetentionConfig {
  readonly bodies: ClassRetention
  readonly traces: ClassRetention
  readonly rollups: { readonly maxAgeDays: number }
  readonly audit: { readonly maxAgeDays: number }
}

/** Limits of one class of stored data; 0 means none. */
export interface ClassRetention {
  readonly maxAgeDays: number
  readonly maxBytes: number
}
