import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { KeyScheme } from './key-hash.ts'
import type { KeyRules } from './key-rules.ts'
import type { KeyScope } from './key-scope.ts'

/** Where gateway keys are kept, as far as their administration goes. */
export interface KeyStore {
  activeKeys(): Promise<KeyList>
  /**
   * Adds a key, and its organization and workspace if they do not exist.
   *
   * @param otherHashes hashes of the same token under other schemes
   * @returns false when its id or token is taken; then nothing has changed
   */
  createKey(key: StoredGatewayKey, otherHashes: readonly string[]): Promise<boolean>
  /** @returns the changed key; `undefined` when there is no such key, or it is revoked */
  updateKey(
    key: SeenKey,
    settings: Partial<KeySettings>,
    nowUs: number,
  ): Promise<StoredGatewayKey | undefined>
  /**
   * Gives a key another token.
   *
   * @param graceUntilUs until when the old token is valid too; 0 for no grace
   * @returns the changed key; `undefined` when there is none, `conflict` when the token is taken and nothing has changed
   */
  rotateKey(
    key: SeenKey,
    token: NewTokenHash,
    graceUntilUs: number,
    nowUs: number,
  ): Promise<StoredGatewayKey | 'conflict' | undefined>
  /** Ends a key for good. @returns false when there is no such key, or it is revoked */
  revokeKey(key: SeenKey, nowUs: number): Promise<boolean>
}

/** Keys that are not revoked, by creation, expired ones included; and the version of all keys at that time. */
export interface KeyList {
  readonly version: number
  readonly keys: readonly StoredGatewayKey[]
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

/** A gateway key's full name: its id is unique within its workspace. */
export interface KeyReference extends Tenant {
  readonly id: string
}

/** A key as the caller saw it. With `updatedAtUs`, it changes only if it has not changed since. */
export interface SeenKey extends KeyReference {
  readonly updatedAtUs?: number
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

/** When a key was used last, as far as its gateway knows. */
export interface KeyUse extends KeyReference {
  /** Epoch microseconds. */
  readonly atUs: number
}

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
