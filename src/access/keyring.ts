import type { GatewayKeyConfig } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import type { Caller } from '../traces/exchange.ts'
import type { StoredGatewayKey } from '../storage/storage.ts'
import { hmacOf, sha256Of } from './key-hash.ts'
import { permissionsOf, type Permission } from './permissions.ts'

/** An authenticated caller and what its key allows. */
export interface Identity {
  readonly caller: Caller
  readonly permissions: ReadonlySet<Permission>
}

/** The caller of every request while gateway keys are off. */
export const ANONYMOUS: Caller = {
  organizationId: 'default',
  workspaceId: 'default',
  keyId: '',
  team: '',
  role: '',
}

/** Where a key of the store may get another hash. */
export interface KeyAdoption {
  readonly pepper: string
  /** A key that is known by its SHA-256 was used: from now on it can be known by this. */
  readonly adopt: (keyId: string, hmac: string) => void
}

/**
 * The gateway keys that are valid now, by hashes of their tokens: what is compared is never the token, so the time of a look-up
 * says nothing about it.
 */
export class Keyring {
  readonly #bySha256 = new Map<string, Identity>()
  readonly #byHmac = new Map<string, Identity>()
  /** Ids of keys of the store that are still known by their SHA-256. */
  readonly #imported = new Map<string, string>()
  readonly #adoption: KeyAdoption

  /**
   * @param keys of the file, checked: tokens are neither empty nor repeated
   * @param stored those of the store; one of the file with the same token comes first
   */
  constructor(keys: readonly GatewayKeyConfig[], stored: readonly StoredGatewayKey[], adoption: KeyAdoption) {
    this.#adoption = adoption
    for (const key of stored) {
      const { organizationId: orgId, workspaceId, id, role, permissions } = key
      const identity = identityOf({ id, orgId, workspaceId, team: '', role, permissions })
      if (key.scheme === 'hmac-sha256') this.#byHmac.set(key.hash, identity)
      else {
        this.#bySha256.set(key.hash, identity)
        this.#imported.set(key.hash, id)
      }
    }
    for (const key of keys) {
      const hash = sha256Of(key.token.trim())
      this.#bySha256.set(hash, identityOf(key))
      this.#imported.delete(hash)
    }
  }

  /**
   * @param token value of the gateway key field; `undefined` when absent
   * @throws GatewayError `missing_gateway_key` or `invalid_gateway_key`, with one text for both
   */
  authenticate(token: string | undefined): Identity {
    const trimmed = token?.trim() ?? ''
    if (trimmed === '') throw new GatewayError('missing_gateway_key', 'missing or invalid gateway key')
    const hash = sha256Of(trimmed)
    const known = this.#bySha256.get(hash)
    if (known) {
      this.#adopt(hash, trimmed)
      return known
    }
    const identity =
      this.#byHmac.size > 0 ? this.#byHmac.get(hmacOf(this.#adoption.pepper, trimmed)) : undefined
    if (!identity) throw new GatewayError('invalid_gateway_key', 'missing or invalid gateway key')
    return identity
  }

  #adopt(hash: string, token: string): void {
    const id = this.#imported.get(hash)
    if (id === undefined) return
    this.#imported.delete(hash)
    this.#adoption.adopt(id, hmacOf(this.#adoption.pepper, token))
  }
}

function identityOf(key: Omit<GatewayKeyConfig, 'token'>): Identity {
  const first = (...texts: string[]): string =>
    texts.map((text) => text.trim()).find((text) => text !== '') ?? ''
  const role = key.role.trim().toLowerCase()
  return {
    caller: {
      organizationId: first(key.orgId, 'default'),
      workspaceId: first(key.workspaceId, key.team, 'default'),
      keyId: key.id.trim(),
      team: first(key.team, key.workspaceId),
      role,
    },
    permissions: permissionsOf(
      role,
      key.permissions.map((permission) => permission.trim().toLowerCase()),
    ),
  }
}
