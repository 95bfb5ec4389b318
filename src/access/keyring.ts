import type { GatewayKeyConfig } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import type { Caller } from '../traces/exchange.ts'
import type { StoredGatewayKey } from '../storage/storage.ts'
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

/**
 * The gateway keys that are valid now, by the SHA-256 of their token: what is compared is never the token, so
 * the time of a look-up says nothing about it.
 */
export class Keyring {
  readonly #identities = new Map<string, Identity>()

  /**
   * @param keys of the file, checked: tokens are neither empty nor repeated
   * @param stored those of the store; one of the file with the same token comes first
   */
  constructor(keys: readonly GatewayKeyConfig[], stored: readonly StoredGatewayKey[]) {
    for (const key of stored) {
      const { organizationId: orgId, workspaceId, id, role, permissions } = key
      this.#identities.set(key.hash, identityOf({ id, orgId, workspaceId, team: '', role, permissions }))
    }
    for (const key of keys) this.#identities.set(hashOf(key.token.trim()), identityOf(key))
  }

  /** How many keys there are. */
  get size(): number {
    return this.#identities.size
  }

  /**
   * @param token value of the gateway key field; `undefined` when absent
   * @throws GatewayError `missing_gateway_key` or `invalid_gateway_key`, with one text for both
   */
  authenticate(token: string | undefined): Identity {
    const trimmed = token?.trim() ?? ''
    if (trimmed === '') throw new GatewayError('missing_gateway_key', 'missing or invalid gateway key')
    const identity = this.#identities.get(hashOf(trimmed))
    if (!identity) throw new GatewayError('invalid_gateway_key', 'missing or invalid gateway key')
    return identity
  }
}

function hashOf(token: string): string {
  return Bun.SHA256.hash(token, 'hex')
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
