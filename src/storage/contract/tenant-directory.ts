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
   * @param otherHashes hashes of the same token under other schemes
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
   * @param graceUntilUs until when the old token is valid too; 0 for no grace
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

/** A token's hash: the store never holds a token. */
export interface TokenHash {
  /** Lower-case hexadecimal hash of the token, made by the scheme. */
  readonly hash: string
  readonly scheme: KeyScheme
}

/** The hash of a new token. */
export interface NewTokenHash extends TokenHash {
  /** Beginning of the token; empty for none. */
  readonly prefix: string
  /** Hashes of the same token under other schemes. */
  readonly otherHashes: readonly string[]
}

/** A gateway key's full name: its id is unique within its workspace. */
export interface KeyReference extends Tenant {
  readonly id: string
}

/** A key as the caller saw it. With `updatedAtUs`, it changes only if it has not changed since. */
export interface SeenKey extends KeyReference {
  readonly updatedAtUs?: number
}

/** The settings of a gateway key that can change. */
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

/** A gateway key as it is stored: its settings and the hash of its token. */
export interface StoredGatewayKey extends KeyReference, TokenHash, KeySettings {
  /** It never changes. */
  readonly scope: KeyScope
  readonly createdBy: string
  /** Beginning of the token; empty when it is not known. */
  readonly prefix: string
  /** The token before the last rotation, valid until a time; null for none. */
  readonly previous: (TokenHash & { readonly untilUs: number }) | null
  readonly createdAtUs: number
  readonly updatedAtUs: number
  /** Null for never. */
  readonly lastUsedAtUs: number | null
  readonly revokedAtUs: number | null
}

/** Entries to add to a directory together. */
export interface DirectoryEntries {
  readonly organizations: readonly StoredOrganization[]
  readonly workspaces: readonly StoredWorkspace[]
  readonly keys: readonly StoredGatewayKey[]
}

/** Keys that are not revoked, by creation, expired ones included; and the version of all keys at that time. */
export interface KeyList {
  readonly version: number
  readonly keys: readonly StoredGatewayKey[]
}
