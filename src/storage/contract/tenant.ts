/** A tenant: every recognised caller belongs to one. */
export interface Tenant {
  readonly organizationId: string
  readonly workspaceId: string
}

/** Whose rows are seen: every query of a handle that `within` returns sees no others. */
export interface ReadScope {
  /** Empty for nobody's: then nothing is seen. */
  readonly organizationId: string
  /** Workspaces of the organization. */
  readonly workspaceIds: readonly string[] | 'all'
  /** Also what belongs to no tenant: requests without a valid key. */
  readonly unowned?: true
}
