import type { KeyScheme } from '../../access/key-hash.ts'
import type { KeyRules } from '../../access/key-rules.ts'
import type { KeyScope } from '../../access/key-scope.ts'
import type { LimitPolicy } from '../../limits/policies/policy.ts'
import type { Tenant } from './tenant.ts'

/** Organizations, workspaces and gateway keys of all tenants. */
export interface TenantDirectory {
  activeKeys(): Promise<KeyList>
  /** Grows with every change of a key. */
  keysVersion(): Promise<number>
  /**
   * Adds a key, and its organization and workspace where they are not there.
   *
   * @param otherHashes by which other keys may know the same token
   * @returns false when its id or token is taken; then nothing has changed
   */
  createKey(key: StoredGatewayKey, otherHashes: readonly string[]): Promise<boolean>
  /** @returns the key as it is then; `undefined` when there is no such key that is not revoked */
  updateKey(
    key: SeenKey,
    settings: Partial<KeySettings>,
    nowUs: number,
  ): Promise<StoredGatewayKey | undefined>
  /**
   * Gives a key another token.
   *
   * @param graceUntilUs until when the token before counts too; 0 for no longer
   * @returns the key as it is then; `undefined` when there is none, `conflict` when the token is taken: then nothing has changed
   */
  rotateKey(
    key: SeenKey,
    token: NewTokenHash,
    graceUntilUs: number,
    nowUs: number,
  ): Promise<StoredGatewayKey | 'conflict' | undefined>
  /** Ends a key for good. @returns false when there is no such key that is not revoked */
  revokeKey(key: SeenKey, nowUs: number): Promise<boolean>
  /** Notes when keys were used last; what is older than what is noted changes nothing. */
  touchKeys(uses: readonly (KeyReference & { readonly atUs: number })[]): Promise<void>
  /** Replaces the hash of a key's token by another hash of the same token. */
  adoptKey(key: KeyReference, before: string, hmac: string): Promise<void>
  /** Notes what tells the pepper that keys are hashed with, unless one is noted. @returns what is noted */
  claimPepper(print: string): Promise<string>
  /** What is noted of it; `undefined` when nothing is. */
  notedPepper(): Promise<string | undefined>
  /** Notes another pepper in the place of one. */
  changePepper(before: string, print: string): Promise<void>
  /** What tells this installation from others: made up when it is asked for first, the same for all gateways of the store. */
  installationId(): Promise<string>
  /** Whether something happens for the first time until a time: true for exactly one of all who ask. */
  once(name: string, untilUs: number, nowUs: number): Promise<boolean>
  /** Adds what is not there yet; what is stays as it is. @returns how many of each are new */
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

/** The hash by which a token is known. */
export interface TokenHash {
  /** Lower-case hexadecimal hash of the token, made by the scheme. */
  readonly hash: string
  readonly scheme: KeyScheme
}

/** A token that is about to be known. */
export interface NewTokenHash extends TokenHash {
  /** Beginning of the token; empty for none. */
  readonly prefix: string
  /** Hashes by which other keys may know the same token. */
  readonly otherHashes: readonly string[]
}

/** Where a gateway key stands: its id is its own within its workspace. */
export interface KeyReference extends Tenant {
  readonly id: string
}

/** A key as somebody has seen it: it is changed only if it is still the same, where `updatedAtUs` says when that was. */
export interface SeenKey extends KeyReference {
  readonly updatedAtUs?: number
}

/** What can be changed of a gateway key. */
export interface KeySettings {
  readonly name: string
  readonly description: string
  readonly role: string
  readonly permissions: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly rules: KeyRules
  /** The key's own limits. */
  readonly limits: readonly LimitPolicy[]
  /** Epoch microseconds; null for never. */
  readonly expiresAtUs: number | null
}

/** A gateway key as it is stored: what it may do, and the hash by which it is known. */
export interface StoredGatewayKey extends KeyReference, TokenHash, KeySettings {
  /** It never changes. */
  readonly scope: KeyScope
  readonly createdBy: string
  /** Beginning of the token; empty when it is not known. */
  readonly prefix: string
  /** The token before the last rotation, which counts until a time; null for none. */
  readonly previous: (TokenHash & { readonly untilUs: number }) | null
  readonly createdAtUs: number
  readonly updatedAtUs: number
  /** Null for never. */
  readonly lastUsedAtUs: number | null
  readonly revokedAtUs: number | null
}

/** What is added to a directory at once. */
export interface DirectoryEntries {
  readonly organizations: readonly StoredOrganization[]
  readonly workspaces: readonly StoredWorkspace[]
  readonly keys: readonly StoredGatewayKey[]
}

/** Keys that are not revoked, by creation, expired ones among them; and the version of all keys that they are of. */
export interface KeyList {
  readonly version: number
  readonly keys: readonly StoredGatewayKey[]
}
