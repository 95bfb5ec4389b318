import { GatewayError } from '../errors.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import type { Caller } from '../traces/exchange.ts'
import type { Grants } from './grants.ts'
import { isInScope } from './in-scope.ts'
import { hmacOf, sha256Of } from './key-hash.ts'
import { CompiledRules, type KeyRules, NO_RULES } from './key-rules.ts'
import type { KeyReference, ReadScope, StoredGatewayKey } from './key-store.ts'
import { permissionsOf } from './permissions.ts'
import { refusedKey } from './refused-key.ts'
import type { GatewayKeyConfig } from './settings.ts'

/** An authenticated caller and its key's rights. */
export interface Identity extends Grants {
  readonly caller: Caller
  readonly compiledRules: CompiledRules
  /** Names a key's counters: its id, or a substitute for a key without one. */
  readonly counterId: string
  /** The key is one of the store, not of the file. */
  readonly stored: boolean
}

/** The caller of every request while gateway keys are off. */
export const ANONYMOUS: Caller = {
  organizationId: 'default',
  workspaceId: 'default',
  keyId: '',
  team: '',
  role: '',
}

/** The caller of a request without a valid key, while they are on: it belongs to no tenant, and no tenant has this name. */
export const UNRECOGNISED: Caller = {
  organizationId: '',
  workspaceId: '',
  keyId: '',
  team: '',
  role: '',
}

/** How tokens of the store are hashed. */
export interface KeyHashing {
  /** The installation's peppers: new hashes are made with the first, older ones count too. */
  readonly peppers: readonly string[]
  /** A key is known by an older kind of hash: from now on it can be known by this. */
  readonly adopt: (key: KeyReference, before: string, hmac: string) => void
}

interface Entry {
  readonly identity: Identity
  /** Epoch microseconds until which this token counts; `Infinity` for as long as the key does. */
  readonly untilUs: number
  /** The key, if its token must be hashed again at its next use. */
  adoptable?: KeyReference
}

/**
 * The gateway keys that are valid now, by hashes of their tokens. Tokens themselves are never compared, so the time of a look-up
 * says nothing about it.
 */
export class Keyring {
  readonly #entries = new Map<string, Entry>()
  readonly #hashing: KeyHashing
  readonly #hasHmac: boolean
  readonly #freshUntil: () => number

  /**
   * @param keys of the file, checked: tokens are neither empty nor repeated
   * @param stored those of the store; one of the file with the same token comes first
   * @param freshUntil epoch milliseconds until which the known stored keys count
   */
  constructor(
    keys: readonly GatewayKeyConfig[],
    stored: readonly StoredGatewayKey[],
    hashing: KeyHashing,
    freshUntil: () => number,
  ) {
    this.#hashing = hashing
    this.#freshUntil = freshUntil
    for (const key of stored) {
      const { organizationId, workspaceId, id, previous } = key
      const identity = identityOf({ ...key, orgId: organizationId, team: '' }, id)
      const reference = { organizationId, workspaceId, id }
      if (previous) this.#entries.set(previous.hash, { identity, untilUs: previous.untilUs })
      this.#entries.set(key.hash, { identity, untilUs: Infinity, adoptable: reference })
    }
    this.#hasHmac = stored.some(
      ({ scheme, previous }) => scheme === 'hmac-sha256' || previous?.scheme === 'hmac-sha256',
    )
    for (const key of keys) {
      const hash = sha256Of(key.token.trim())
      this.#entries.set(hash, { identity: identityOf(key, undefined, hash), untilUs: Infinity })
    }
  }

  /** A key of a scope: the one of an id, or any when absent. */
  keyOf(scope: ReadScope, keyId?: string): Identity | undefined {
    for (const { identity } of this.#entries.values()) {
      if (keyId !== undefined && identity.caller.keyId !== keyId) continue
      if (isInScope(scope, identity.caller)) return identity
    }
    return undefined
  }

  /** Limits of keys, all together. */
  get limits(): readonly LimitPolicy[] {
    return [...this.#entries.values()].flatMap(({ identity }) => identity.limits)
  }

  /**
   * @param fields lower-case names
   * @param keyField lower-case name of the gateway key field
   * @param nowMs epoch milliseconds
   * @throws GatewayError `missing_gateway_key` or `invalid_gateway_key`; `keys_unavailable` when the store has been silent for too long
   */
  authenticate(fields: Readonly<Record<string, string>>, keyField: string, nowMs: number): Identity {
    const token = fields[keyField]?.trim() ?? ''
    const identity = token === '' ? undefined : this.identify(token, nowMs)
    if (!identity) throw refusedKey(fields, keyField)
    return identity
  }

  /**
   * The caller of a token.
   *
   * @param token without white space around it, not empty
   * @param nowMs epoch milliseconds
   * @returns `undefined` when no key has it now
   * @throws GatewayError `keys_unavailable` when the store has been silent for too long
   */
  identify(token: string, nowMs: number): Identity | undefined {
    const found = this.#find(token)
    // An unknown token may belong to a key that could not be read.
    if (nowMs > this.#freshUntil() && (!found || found.identity.stored)) {
      throw new GatewayError('keys_unavailable', 'gateway key verification unavailable')
    }
    if (!found) return undefined
    const nowUs = nowMs * 1000
    const { identity, untilUs } = found
    return nowUs >= untilUs || nowUs >= (identity.expiresAtUs ?? Infinity) ? undefined : identity
  }

  /** Whether a token is that of a gateway key, which may have expired. */
  knows(token: string): boolean {
    return token !== '' && this.#find(token) !== undefined
  }

  #find(token: string): Entry | undefined {
    const sha256 = sha256Of(token)
    const plain = this.#entries.get(sha256)
    if (plain) return this.#adopted(plain, sha256, token)
    if (!this.#hasHmac) return undefined
    for (const [i, pepper] of this.#hashing.peppers.entries()) {
      const hmac = hmacOf(pepper, token)
      const entry = this.#entries.get(hmac)
      if (entry) return i === 0 ? entry : this.#adopted(entry, hmac, token)
    }
    return undefined
  }

  #adopted(entry: Entry, before: string, token: string): Entry {
    const { adoptable } = entry
    const [pepper] = this.#hashing.peppers
    if (!adoptable || pepper === undefined) return entry
    delete entry.adoptable
    this.#hashing.adopt(adoptable, before, hmacOf(pepper, token))
    return entry
  }
}

/** What a key of file or store is allowed, once its token has been seen. */
function identityOf(
  key: Omit<GatewayKeyConfig, 'token' | 'name' | 'description' | 'createdBy'> & { readonly rules?: KeyRules },
  storedId: string | undefined,
  hash = '',
): Identity {
  const first = (...texts: string[]): string =>
    texts.map((text) => text.trim()).find((text) => text !== '') ?? ''
  const role = key.role.trim().toLowerCase()
  const rules = key.rules ?? NO_RULES
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
    scope: key.scope,
    rules,
    compiledRules: new CompiledRules(rules),
    expiresAtUs: key.expiresAtUs,
    limits: key.limits,
    counterId: storedId ?? (key.id.trim() || `sha256-${hash.slice(0, 16)}`),
    stored: storedId !== undefined,
  }
}
