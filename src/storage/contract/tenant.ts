/** A tenant: every recognised caller belongs to one. */
export interface Tenant {
  readonly organizationId: string
  readonly workspaceId: string
}

/** Whose rows a reader sees. `within` returns a reader that sees no others. */
export interface ReadScope {
  /** Empty for no organization: then nothing is seen. */
  readonly organizationId: string
  /** Workspaces of the organization. */
  readonly workspaceIds: readonly string[] | 'all'
  /** Also rows of no tenant: requests without a valid key. */
  readonly unowned?: true
}
