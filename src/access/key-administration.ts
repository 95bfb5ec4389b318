import { GatewayError } from '../errors.ts'
import { widerOwnLimit } from '../limits/policies/limits-within.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import { type Grants, grants } from './grants.ts'
import { isInScope } from './in-scope.ts'
import { hmacOf, sha256Of } from './key-hash.ts'
import { type KeyRules, NO_RULES, ruleProblems } from './key-rules.ts'
import type { KeyScope } from './key-scope.ts'
import type { KeyReference, KeySettings, KeyStore, ReadScope, StoredGatewayKey, Tenant } from './key-store.ts'
import { isWeakToken, newKeyId, newToken, tokenPrefix } from './key-token.ts'
import { PERMISSIONS, isPermission, permissionsOf, roleProblem } from './permissions.ts'
import type { GatewayKeyConfig } from './settings.ts'

/** Longest name, description or label, and how many labels. */
const MAX_TEXT = 1024
const MAX_LABELS = 32

/** Attempts at changing a key that others change all the time. */
const MAX_ATTEMPTS = 100

/** Longest time that a token counts on after another has taken its place. */
const MAX_GRACE_SECONDS = 30 * 86_400

/** Who handles keys. */
export interface KeyActor {
  /** Shown as the maker of keys: a key's id, `system` or `cli`. */
  readonly name: string
  /** Whose keys; all when absent. */
  readonly scope: ReadScope | undefined
  /** The tenant of the keys that it makes; any tenant when absent. */
  readonly home: Tenant | undefined
  /** The actor's own key, with its rights and its tenant. An actor without a key may do everything. */
  readonly key: (Grants & { readonly caller: Tenant & { readonly keyId: string } }) | undefined
}

/** A key to be made. What is absent is made up or left open. */
export interface NewKey extends KeyChanges {
  readonly id?: string
  readonly token?: string
  readonly organizationId?: string
  readonly workspaceId?: string
  readonly scope?: KeyScope
}

/** The changes of a key, each list of its rules by itself. An absent member stays unchanged. */
export interface KeyChanges extends Partial<Omit<KeySettings, 'rules'>> {
  readonly rules?: Partial<KeyRules>
}

/** A key and its token, which is shown this once. */
export interface IssuedKey {
  readonly key: StoredGatewayKey
  readonly token: string
}

/** What administration needs around it. */
export interface KeyAdministrationPorts {
  readonly store: KeyStore
  /** The peppers that tokens may be hashed with; that of new hashes first. */
  readonly peppers: () => Promise<readonly string[]>
  readonly fileKeys: () => readonly GatewayKeyConfig[]
  /** Policies of the configuration. */
  readonly policies: () => readonly LimitPolicy[]
  readonly allowWeakTokens: () => boolean
}

/** Makes, changes, renews and ends the keys of the store. Those of the file are only shown. */
export class KeyAdministration {
  readonly #ports: KeyAdministrationPorts

  constructor(ports: KeyAdministrationPorts) {
    this.#ports = ports
  }

  /** Keys that are not revoked: those of the store by creation, then those of the file. */
  async list({
    scope,
  }: KeyActor): Promise<{ stored: readonly StoredGatewayKey[]; file: readonly GatewayKeyConfig[] }> {
    const { keys } = await this.#ports.store.activeKeys()
    return {
      stored: keys.filter((key) => isInScope(scope, key)),
      file: this.#ports.fileKeys().filter((key) => isInScope(scope, tenantOfFileKey(key))),
    }
  }

  /** @throws GatewayError `gateway_key_not_found`, `gateway_key_read_only`, or `bad_request` for an id that several tenants have */
  async get(actor: KeyActor, id: string, within?: Partial<Tenant>): Promise<StoredGatewayKey> {
    const { stored, file } = await this.list(actor)
    const matching = stored.filter(
      (key) =>
        key.id === id.trim() &&
        (within?.organizationId ?? key.organizationId) === key.organizationId &&
        (within?.workspaceId ?? key.workspaceId) === key.workspaceId,
    )
    if (matching.length > 1) {
      throw new GatewayError(
        'bad_request',
        'several workspaces have a key of this id; name org_id and workspace_id',
      )
    }
    const [key] = matching
    if (key) return key
    if (file.some((other) => other.id.trim() === id.trim() && id.trim() !== '')) {
      throw new GatewayError(
        'gateway_key_read_only',
        'gateway key is one of the configuration file; change it there',
      )
    }
    throw new GatewayError('gateway_key_not_found', 'gateway key not found')
  }

  /** Changes nothing unless it succeeds. @throws GatewayError `bad_request`, `permission_denied`, `gateway_key_exists` */
  async create(actor: KeyActor, wanted: NewKey, nowUs: number): Promise<IssuedKey> {
    const token = wanted.token?.trim() || newToken()
    const role = wanted.role?.trim().toLowerCase() || 'developer'
    const maker = this.#grantsOf(actor)
    const { home } = actor
    // Another workspace than the maker's own was named by the request.
    if (home && home.workspaceId !== actor.key?.caller.workspaceId)
      checkedId('workspace_id', home.workspaceId)
    const tenant = home ?? {
      organizationId: checkedId('org_id', wanted.organizationId?.trim() || 'default'),
      workspaceId: checkedId('workspace_id', wanted.workspaceId?.trim() || 'default'),
    }
    const settings: KeySettings = {
      name: wanted.name?.trim() ?? '',
      description: wanted.description?.trim() ?? '',
      role,
      permissions: normalised(wanted.permissions ?? []),
      labels: wanted.labels ?? {},
      // What a maker is bound by, its keys are bound by too unless they are bound more tightly.
      rules: inherited({ ...NO_RULES, ...wanted.rules }, maker?.rules ?? NO_RULES),
      limits: wanted.limits?.length ? wanted.limits : (maker?.limits ?? []),
      expiresAtUs: wanted.expiresAtUs ?? maker?.expiresAtUs ?? null,
    }
    const id = checkedId('id', wanted.id?.trim() || newKeyId())
    const scope = wanted.scope ?? 'workspace'
    this.#check(settings, settings, nowUs)
    this.#checkToken(token)
    this.#requireGrant(actor, { ...tenant, id, scope, ...settings })
    if (this.#isFileToken(token) || this.#isFileKey({ ...tenant, id })) throw taken()
    const [hash = '', ...otherHashes] = await this.#hashesOf(token)
    const key: StoredGatewayKey = {
      ...settings,
      ...tenant,
      id,
      scope,
      createdBy: actor.name,
      prefix: tokenPrefix(token),
      hash,
      scheme: 'hmac-sha256',
      previous: null,
      createdAtUs: nowUs,
      updatedAtUs: nowUs,
      lastUsedAtUs: null,
      revokedAtUs: null,
    }
    if (!(await this.#ports.store.createKey(key, otherHashes))) throw taken()
    return { key, token }
  }

  /** @throws GatewayError `bad_request`, `permission_denied`, `gateway_key_not_found`, `storage_unavailable` */
  update(
    actor: KeyActor,
    seen: StoredGatewayKey,
    { rules, ...changes }: KeyChanges,
    nowUs: number,
  ): Promise<StoredGatewayKey> {
    return this.#untilChanged(actor, seen, (key) => {
      this.#requireGrant(actor, key)
      const checked: Partial<KeySettings> = {
        ...changes,
        ...(rules === undefined ? {} : { rules: { ...key.rules, ...rules } }),
        ...(changes.role === undefined ? {} : { role: changes.role.trim().toLowerCase() || 'developer' }),
        ...(changes.permissions === undefined ? {} : { permissions: normalised(changes.permissions) }),
      }
      const after = { ...key, ...checked }
      const { expiresAtUs, ...others } = checked
      // A time that has passed meanwhile may stay.
      this.#check(expiresAtUs === key.expiresAtUs ? others : checked, after, nowUs)
      this.#requireGrant(actor, after)
      const wider = isOwnKey(actor, key) ? widerOwnLimit(key.limits, after.limits) : undefined
      if (wider !== undefined) throw denied(`a key cannot lift its own limits: ${wider}`)
      return this.#ports.store.updateKey(key, checked, nowUs)
    })
  }

  /**
   * Changes nothing unless it succeeds.
   *
   * @throws GatewayError `bad_request`, `permission_denied`, `gateway_key_not_found`, `gateway_key_exists`, `storage_unavailable`
   */
  async rotate(
    actor: KeyActor,
    seen: StoredGatewayKey,
    { token: given, graceSeconds }: { readonly token?: string | undefined; readonly graceSeconds: number },
    nowUs: number,
  ): Promise<IssuedKey> {
    this.#requireGrant(actor, seen)
    if (!(graceSeconds >= 0 && graceSeconds <= MAX_GRACE_SECONDS)) {
      throw bad(`grace_period_seconds must be between 0 and ${MAX_GRACE_SECONDS}`)
    }
    const token = given?.trim() || newToken()
    this.#checkToken(token)
    if (this.#isFileToken(token)) throw tokenTaken()
    const [hash = '', ...otherHashes] = await this.#hashesOf(token)
    const replacement = { hash, scheme: 'hmac-sha256', prefix: tokenPrefix(token), otherHashes } as const
    const graceUntilUs = graceSeconds === 0 ? 0 : nowUs + graceSeconds * 1_000_000
    const key = await this.#untilChanged(actor, seen, async (current) => {
      this.#requireGrant(actor, current)
      const rotated = await this.#ports.store.rotateKey(current, replacement, graceUntilUs, nowUs)
      if (rotated === 'conflict') throw tokenTaken()
      return rotated
    })
    return { key, token }
  }

  /** Ends a key, whatever others change of it meanwhile. @throws GatewayError `permission_denied`, `gateway_key_not_found` */
  async revoke(actor: KeyActor, seen: StoredGatewayKey, nowUs: number): Promise<void> {
    this.#requireGrant(actor, seen)
    const { organizationId, workspaceId, id } = seen
    if (await this.#ports.store.revokeKey({ organizationId, workspaceId, id }, nowUs)) return
    throw new GatewayError('gateway_key_not_found', 'gateway key not found')
  }

  /**
   * Changes a key. If others have changed it meanwhile, the change is decided again for the new state.
   *
   * @param seen the key as the actor has found it
   * @param change returns `undefined` when the key has changed meanwhile
   */
  async #untilChanged(
    actor: KeyActor,
    seen: StoredGatewayKey,
    change: (key: StoredGatewayKey) => Promise<StoredGatewayKey | undefined>,
  ): Promise<StoredGatewayKey> {
    let key = seen
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const changed = await change(key)
      if (changed) return changed
      key = await this.get(actor, seen.id, seen)
    }
    throw new GatewayError('storage_unavailable', 'the gateway key is being changed by others; try again')
  }

  /** @throws GatewayError `permission_denied` */
  #requireGrant(actor: KeyActor, target: KeySettings & KeyReference & { readonly scope: KeyScope }): void {
    const maker = this.#grantsOf(actor)
    if (!maker) return
    const grant = grants(maker, {
      permissions: permissionsOf(target.role, target.permissions),
      scope: target.scope,
      rules: target.rules,
      limits: [...target.limits, ...this.#policiesNaming(target, target.id)],
      expiresAtUs: target.expiresAtUs,
    })
    if (grant.kind === 'refused') throw denied(grant.reason)
  }

  #grantsOf({ key }: KeyActor): Grants | undefined {
    if (!key) return undefined
    const { caller, permissions, scope, rules, limits, expiresAtUs } = key
    const named = this.#policiesNaming(caller, caller.keyId)
    return { permissions, scope, rules, limits: [...limits, ...named], expiresAtUs }
  }

  /** Policies of the configuration that are for one key by its id, as limits of that key. */
  #policiesNaming({ organizationId, workspaceId }: Tenant, keyId: string): LimitPolicy[] {
    return this.#ports
      .policies()
      .filter(
        ({ per, match }) =>
          per === 'key' &&
          keyId !== '' &&
          match.keyId === keyId &&
          (match.orgId === '' || match.orgId === organizationId) &&
          (match.workspaceId === '' || match.workspaceId === workspaceId),
      )
      .map((policy) => ({ ...policy, match: { ...policy.match, orgId: '', workspaceId: '', keyId: '' } }))
  }

  #isFileToken(token: string): boolean {
    return this.#ports.fileKeys().some((key) => key.token.trim() === token)
  }

  #isFileKey({ id, ...tenant }: KeyReference): boolean {
    return this.#ports
      .fileKeys()
      .some((key) => key.id.trim() === id && sameTenant(tenantOfFileKey(key), tenant))
  }

  /** Every hash by which a token may be known, the one for new keys first. */
  async #hashesOf(token: string): Promise<readonly string[]> {
    const peppers = await this.#ports.peppers()
    return [...peppers.map((pepper) => hmacOf(pepper, token)), sha256Of(token)]
  }

  /** Checks new values. Unchanged values may be from other versions with other rules. @param after with the rest of the key */
  #check(changes: Partial<KeySettings>, after: KeySettings, nowUs: number): void {
    const { name = '', description = '', role, permissions, rules, expiresAtUs = null } = changes
    const strange = permissions?.find((permission) => !isPermission(permission))
    if (strange !== undefined) throw bad(`permissions must be of ${PERMISSIONS.join(', ')}`)
    const given = role !== undefined || permissions !== undefined
    const problem =
      (given ? roleProblem(after.role, after.permissions) : undefined) ?? (rules && ruleProblems(rules)[0])
    if (problem !== undefined) throw bad(problem)
    if (expiresAtUs !== null && expiresAtUs <= nowUs) throw bad('expires_at must be in the future')
    for (const [field, text] of Object.entries({ name, description })) {
      if (text.length > MAX_TEXT) throw bad(`${field} is longer than ${MAX_TEXT} characters`)
    }
    const labels = Object.entries(changes.labels ?? {})
    if (labels.length > MAX_LABELS) throw bad(`there are more than ${MAX_LABELS} labels`)
    for (const [label, value] of labels) {
      if (label === '' || label.length + value.length > MAX_TEXT) throw bad('a label is empty or too long')
    }
    const names = new Set<string>()
    for (const limit of changes.limits ?? []) {
      if (names.has(limit.name)) throw bad(`limits: the name ${JSON.stringify(limit.name)} is taken`)
      names.add(limit.name)
    }
  }

  #checkToken(token: string): void {
    if (/[^\x21-\x7e]/.test(token)) throw bad('token must be of visible ASCII characters')
    if (this.#ports.allowWeakTokens() || !isWeakToken(token)) return
    throw bad('token can be guessed: give it 16 or more random characters, or let the gateway make it')
  }
}

/** The tenant of a key of the file. */
export function tenantOfFileKey({ orgId, workspaceId, team }: GatewayKeyConfig): Tenant {
  return {
    organizationId: orgId.trim() || 'default',
    workspaceId: workspaceId.trim() || team.trim() || 'default',
  }
}

function sameTenant(a: Tenant, b: Tenant): boolean {
  return a.organizationId === b.organizationId && a.workspaceId === b.workspaceId
}

function isOwnKey({ key }: KeyActor, { id, ...tenant }: KeyReference): boolean {
  return key !== undefined && key.caller.keyId === id && sameTenant(key.caller, tenant)
}

function inherited(wanted: KeyRules, maker: KeyRules): KeyRules {
  const list = (name: keyof KeyRules): readonly string[] =>
    wanted[name].length > 0 ? wanted[name] : maker[name]
  return {
    models: list('models'),
    providers: list('providers'),
    routes: list('routes'),
    networks: list('networks'),
  }
}

function normalised(permissions: readonly string[]): string[] {
  return [...new Set(permissions.map((name) => name.trim().toLowerCase()).filter((name) => name !== ''))]
}

/** Ids are in URLs, logs and names of counters. */
function checkedId(field: string, id: string): string {
  if (/^[A-Za-z0-9][\w.:@-]{0,127}$/.test(id)) return id
  throw bad(`${field} must be 1 to 128 letters, digits, ".", "_", ":", "@" or "-"`)
}

function bad(message: string): GatewayError {
  return new GatewayError('bad_request', message)
}

function denied(message: string): GatewayError {
  return new GatewayError('permission_denied', message)
}

function taken(): GatewayError {
  return new GatewayError('gateway_key_exists', 'gateway key already exists')
}

function tokenTaken(): GatewayError {
  return new GatewayError('gateway_key_exists', 'gateway key token already exists')
}
