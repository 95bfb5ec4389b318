import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { KeyScheme } from './key-hash.ts'
import type { KeyRules } from './key-rules.ts'
import type { KeyScope } from './key-scope.ts'

/** Where gateway keys are kept, as far as their administration goes. */
export interface KeyStore {
  activeKeys(): Promise<KeyList>
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
}

/** Keys that are not revoked, by creation, expired ones among them; and the version of all keys that they are of. */
export interface KeyList {
  readonly version: number
  readonly keys: readonly StoredGatewayKey[]
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

/** Where a gateway key stands: its id is its own within its workspace. */
export interface KeyReference extends Tenant {
  readonly id: string
}

/** A key as somebody has seen it: it is changed only if it is still the same, where `updatedAtUs` says when that was. */
export interface SeenKey extends KeyReference {
  readonly updatedAtUs?: number
}

/** When a key was used last, as far as its gateway knows. */
export interface KeyUse extends KeyReference {
  /** Epoch microseconds. */
  readonly atUs: number
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
