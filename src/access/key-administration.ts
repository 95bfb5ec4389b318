import type { GatewayKeyConfig } from '../config/config.ts'
import { GatewayError } from '../errors.ts'
import type { KeySettings, StoredGatewayKey, Tenant, TenantDirectory, TokenHash } from '../storage/storage.ts'
import { hmacOf } from './key-hash.ts'
import { NO_RULES, ruleProblems, type KeyRules } from './key-rules.ts'
import { isWeakToken, newKeyId, newToken, tokenPrefix } from './key-token.ts'
import { isPermission, isRole, permissionsOf, PERMISSIONS, ROLE_NAMES } from './permissions.ts'
import { beyondPowers, type Powers } from './powers.ts'

/** Longest name, description or label, and how many labels. */
const MAX_TEXT = 1024
const MAX_LABELS = 32

/** Longest time that a token counts on after another has taken its place. */
const MAX_GRACE_SECONDS = 30 * 86_400

/** Who handles keys. */
export interface KeyActor {
  /** Shown as the maker of keys: a key's id, `system` or `cli`. */
  readonly name: string
  /** Whose keys; all when absent. */
  readonly tenant: Tenant | undefined
  /** What the actor may hand on; everything when absent. */
  readonly powers: Powers | undefined
}

/** A key to be made. What is absent is made up or left open. */
export interface NewKey extends Partial<KeySettings> {
  readonly id?: string
  readonly token?: string
  readonly organizationId?: string
  readonly workspaceId?: string
}

/** A key and its token, which is shown this once. */
export interface IssuedKey {
  readonly key: StoredGatewayKey
  readonly token: string
}

/** What administration needs around it. */
export interface KeyAdministrationPorts {
  readonly directory: TenantDirectory
  /** The pepper of new hashes. */
  readonly pepper: () => Promise<string>
  readonly fileKeys: () => readonly GatewayKeyConfig[]
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
    tenant,
  }: KeyActor): Promise<{ stored: readonly StoredGatewayKey[]; file: readonly GatewayKeyConfig[] }> {
    const { keys } = await this.#ports.directory.activeKeys()
    return {
      stored: keys.filter((key) => !tenant || sameTenant(key, tenant)),
      file: this.#ports.fileKeys().filter((key) => !tenant || sameTenant(tenantOfFileKey(key), tenant)),
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

  /** @throws GatewayError `bad_request`, `permission_denied`, `gateway_key_exists` */
  async create(actor: KeyActor, wanted: NewKey, nowUs: number): Promise<IssuedKey> {
    const token = wanted.token?.trim() || newToken()
    const role = wanted.role?.trim().toLowerCase() || 'developer'
    const tenant = actor.tenant ?? {
      organizationId: wanted.organizationId?.trim() || 'default',
      workspaceId: wanted.workspaceId?.trim() || 'default',
    }
    const settings: KeySettings = {
      name: wanted.name?.trim() ?? '',
      description: wanted.description?.trim() ?? '',
      role,
      permissions: normalised(wanted.permissions ?? []),
      labels: wanted.labels ?? {},
      // What a maker is bound by, its keys are bound by too unless they are bound more tightly.
      rules: inherited(wanted.rules ?? NO_RULES, actor.powers?.rules ?? NO_RULES),
      limits: wanted.limits ?? [],
      expiresAtUs: wanted.expiresAtUs ?? actor.powers?.expiresAtUs ?? null,
    }
    this.#check(settings, token, nowUs)
    requirePowers(actor, settings)
    const key: StoredGatewayKey = {
      ...settings,
      organizationId: actor.tenant ? tenant.organizationId : checkedId('org_id', tenant.organizationId),
      workspaceId: actor.tenant ? tenant.workspaceId : checkedId('workspace_id', tenant.workspaceId),
      id: checkedId('id', wanted.id?.trim() || newKeyId()),
      createdBy: actor.name,
      prefix: tokenPrefix(token),
      ...(await this.#hash(token)),
      previous: null,
      createdAtUs: nowUs,
      updatedAtUs: nowUs,
      lastUsedAtUs: null,
      revokedAtUs: null,
    }
    const ofFile = this.#ports
      .fileKeys()
      .some(
        (other) =>
          other.token.trim() === token ||
          (other.id.trim() === key.id && sameTenant(tenantOfFileKey(other), key)),
      )
    if (ofFile || !(await this.#ports.directory.createKey(key))) {
      throw new GatewayError('gateway_key_exists', 'gateway key already exists')
    }
    return { key, token }
  }

  /** @throws GatewayError `bad_request`, `permission_denied`, `gateway_key_not_found`, `gateway_key_read_only` */
  async update(
    actor: KeyActor,
    key: StoredGatewayKey,
    changes: Partial<KeySettings>,
    nowUs: number,
  ): Promise<StoredGatewayKey> {
    requirePowers(actor, key)
    const checked: Partial<KeySettings> = {
      ...changes,
      ...(changes.role === undefined ? {} : { role: changes.role.trim().toLowerCase() || 'developer' }),
      ...(changes.permissions === undefined ? {} : { permissions: normalised(changes.permissions) }),
    }
    const after = { ...key, ...checked }
    this.#check(after, undefined, nowUs)
    requirePowers(actor, after)
    return found(await this.#ports.directory.updateKey(key, checked, nowUs))
  }

  /** @throws GatewayError `bad_request`, `permission_denied`, `gateway_key_not_found`, `gateway_key_exists` */
  async rotate(
    actor: KeyActor,
    key: StoredGatewayKey,
    { token: given, graceSeconds }: { readonly token?: string | undefined; readonly graceSeconds: number },
    nowUs: number,
  ): Promise<IssuedKey> {
    requirePowers(actor, key)
    if (!(graceSeconds >= 0 && graceSeconds <= MAX_GRACE_SECONDS)) {
      throw new GatewayError('bad_request', `grace_period_seconds must be between 0 and ${MAX_GRACE_SECONDS}`)
    }
    const token = given?.trim() || newToken()
    this.#checkToken(token)
    const hash = { ...(await this.#hash(token)), prefix: tokenPrefix(token) }
    const graceUntilUs = graceSeconds === 0 ? 0 : nowUs + graceSeconds * 1_000_000
    const rotated = await this.#ports.directory.rotateKey(key, hash, graceUntilUs, nowUs)
    if (rotated === 'conflict' || this.#ports.fileKeys().some((other) => other.token.trim() === token)) {
      throw new GatewayError('gateway_key_exists', 'gateway key token already exists')
    }
    return { key: found(rotated), token }
  }

  /** @throws GatewayError `permission_denied`, `gateway_key_not_found` */
  async revoke(actor: KeyActor, key: StoredGatewayKey, nowUs: number): Promise<void> {
    requirePowers(actor, key)
    if (await this.#ports.directory.revokeKey(key, nowUs)) return
    throw new GatewayError('gateway_key_not_found', 'gateway key not found')
  }

  #check(settings: KeySettings, token: string | undefined, nowUs: number): void {
    const { role, permissions, rules, expiresAtUs } = settings
    if (!isRole(role)) throw bad(`role must be one of ${ROLE_NAMES.join(', ')}`)
    const strange = permissions.find((name) => !isPermission(name))
    if (strange !== undefined) throw bad(`permissions must be of ${PERMISSIONS.join(', ')}`)
    const [problem] = ruleProblems(rules)
    if (problem !== undefined) throw bad(problem)
    if (expiresAtUs !== null && expiresAtUs <= nowUs) throw bad('expires_at must be in the future')
    for (const [name, text] of Object.entries({ name: settings.name, description: settings.description })) {
      if (text.length > MAX_TEXT) throw bad(`${name} is longer than ${MAX_TEXT} characters`)
    }
    const labels = Object.entries(settings.labels)
    if (labels.length > MAX_LABELS) throw bad(`there are more than ${MAX_LABELS} labels`)
    for (const [name, value] of labels) {
      if (name === '' || name.length + value.length > MAX_TEXT) throw bad('a label is empty or too long')
    }
    const names = new Set<string>()
    for (const { name } of settings.limits) {
      if (names.has(name)) throw bad(`limits: the name ${JSON.stringify(name)} is taken`)
      names.add(name)
    }
    if (token !== undefined) this.#checkToken(token)
  }

  #checkToken(token: string): void {
    if (/[^\x21-\x7e]/.test(token)) throw bad('token must be of visible ASCII characters')
    if (this.#ports.allowWeakTokens() || !isWeakToken(token)) return
    throw bad('token can be guessed: give it 16 or more random characters, or let the gateway make it')
  }

  async #hash(token: string): Promise<TokenHash> {
    return { hash: hmacOf(await this.#ports.pepper(), token), scheme: 'hmac-sha256' }
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

function found(key: StoredGatewayKey | undefined): StoredGatewayKey {
  if (key) return key
  throw new GatewayError('gateway_key_not_found', 'gateway key not found')
}

/** @throws GatewayError `permission_denied` */
function requirePowers({ powers }: KeyActor, settings: KeySettings): void {
  if (!powers) return
  const { role, permissions, rules, expiresAtUs } = settings
  const reason = beyondPowers(powers, { permissions: permissionsOf(role, permissions), rules, expiresAtUs })
  if (reason !== undefined) throw new GatewayError('permission_denied', reason)
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

/** Ids stand in URLs, logs and names of counters. */
function checkedId(field: string, id: string): string {
  if (/^[A-Za-z0-9][\w.:@-]{0,127}$/.test(id)) return id
  throw bad(`${field} must be 1 to 128 letters, digits, ".", "_", ":", "@" or "-"`)
}

function bad(message: string): GatewayError {
  return new GatewayError('bad_request', message)
}
