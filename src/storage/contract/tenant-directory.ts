import type { KeyReference, KeyStore, StoredGatewayKey } from '../../access/key-store.ts'

/** Organizations, workspaces and gateway keys of all tenants. */
export interface TenantDirectory extends KeyStore {
  /** Grows with every change of a key. */
  keysVersion(): Promise<number>
  /** Records when keys were last used. A time before the recorded one changes nothing. */
  touchKeys(uses: readonly (KeyReference & { readonly atUs: number })[]): Promise<void>
  /** Replaces the hash of a key's token by another hash of the same token. */
  adoptKey(key: KeyReference, before: string, hmac: string): Promise<void>
  /** Records the fingerprint of the pepper that keys are hashed with, unless there is one. @returns the recorded one */
  claimPepper(print: string): Promise<string>
  /** The recorded fingerprint; `undefined` when there is none. */
  notedPepper(): Promise<string | undefined>
  /** Replaces a pepper's fingerprint by another; does nothing when the recorded one is not `before`. */
  changePepper(before: string, print: string): Promise<void>
  /** The id of this installation: created at the first call, the same for all gateways of the store. */
  installationId(): Promise<string>
  /** Whether an event is the first of its name until a time: true for exactly one caller. */
  once(name: string, untilUs: number, nowUs: number): Promise<boolean>
  /** Adds new entries and leaves known ones as they are. @returns how many of each are new */
  add(entries: DirectoryEntries): Promise<Readonly<Record<keyof DirectoryEntries, number>>>
}

/** An organization as it is stored. Times are epoch microseconds. */
export interface StoredOrganization {
  readonly id: string
  readonly name: string
  readonly createdAtUs: number
}

/** A workspace as it is stored; its id is its own within its organization. */
export interface StoredWorkspace extends StoredOrganization {
  readonly organizationId: string
}

/** Entries to add to a directory together. */
export interface DirectoryEntries {
  readonly organizations: readonly StoredOrganization[]
  readonly workspaces: readonly StoredWorkspace[]
  readonly keys: readonly StoredGatewayKey[]
}
