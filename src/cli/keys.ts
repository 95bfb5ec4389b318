import { type KeyActor, KeyAdministration } from '../access/key-administration.ts'
import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import type { KeyReference, Tenant } from '../access/key-store.ts'
import type { AuditAction, AuditEvent } from '../audit/audit-event.ts'
import type { Config } from '../config/config.ts'
import { ConfigError, readSettings } from '../config/load.ts'
import { GatewayError } from '../errors.ts'
import { claimPeppers, peppersOf } from '../gateway/gateway-keys.ts'
import { contractJson } from '../presentation/contract-json.ts'
import { defined } from '../presentation/defined.ts'
import { changeReason } from '../presentation/key-change-reason.ts'
import { readNewKey, readRotation } from '../presentation/key-input.ts'
import { fileKeyJson, issuedJson, keyJson } from '../presentation/key-json.ts'
import type { Members } from '../presentation/read-members.ts'
import { headersVariables } from '../providers/dialects/vendors.ts'
import type { Storage } from '../storage/contract/storage.ts'
import type { TenantDirectory } from '../storage/contract/tenant-directory.ts'
import { untilFree } from '../storage/until-free.ts'
import { parseStrictJson } from '../wire/json/strict-json.ts'
import { audited } from './audited.ts'
import { CONFIG_FLAG, type Command, FORMAT_FLAG, type Io, readFormat } from './command.ts'
import type { Arguments, Flag } from './flags.ts'
import { hasNoStore, waitingFor, withConfig } from './open-store.ts'
import { GATEWAY_FLAGS, askGateway, readTimeout } from './running-gateway.ts'
import { textTable } from './text-table.ts'

const TARGET_FLAGS: readonly Flag[] = [
  { name: 'org-id', type: 'string', description: 'Organization of the key' },
  { name: 'workspace-id', type: 'string', description: 'Workspace of the key' },
]

/** Flags of texts, and of lists separated by commas, that become members of the request. */
const TEXTS = ['id', 'name', 'description', 'role', 'scope', 'expires-at', 'token'] as const
const LISTS = ['permissions', 'models', 'providers', 'routes', 'networks'] as const

const WHERE =
  '[--config path/to/ongoingai.yaml] [--base-url URL [--gateway-key TOKEN] [--auth-header HEADER] [--timeout DURATION]] [--format text|json]'

/** Who acts when keys are handled in the store itself: everybody who may open it may do everything. */
const ACTOR: KeyActor = { name: 'cli', scope: undefined, home: undefined, key: undefined }

/** `ongoingai keys list` */
export const keysList: Command = {
  name: 'keys list',
  summary: 'list gateway keys',
  usage: `keys list ${WHERE}`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...GATEWAY_FLAGS],
  run: (parsed, io) =>
    handle('keys list', 0, parsed, io, {
      http: () => ({ path: '/api/gateway-keys' }),
      store: async ({ keys }) => {
        const { stored, file } = await keys.list(ACTOR)
        return { items: [...stored.map((key) => keyJson(key)), ...file.map((key) => fileKeyJson(key))] }
      },
      withoutStore: ({ auth }) => ({ items: auth.keys.map((key) => fileKeyJson(key)) }),
      show: (value) => {
        const { items } = value as { items: readonly Shown[] }
        return items.length === 0 ? 'no gateway keys\n' : textTable([HEADINGS, ...items.map(rowOf)])
      },
    }),
}

/** `ongoingai keys create` */
export const keysCreate: Command = {
  name: 'keys create',
  summary: 'make a gateway key and show its token, once',
  usage: `keys create [--role owner|admin|developer|member|viewer|custom] [--scope workspace|organization] [--name NAME] [--org-id ID] [--workspace-id ID] [--permissions LIST] [--models LIST] [--providers LIST] [--routes LIST] [--networks LIST] [--expires-at TIME] [--labels k=v,k=v] [--budget USD/PERIOD] [--requests-per-minute N] [--limits JSON] ${WHERE}`,
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'id', type: 'string', description: 'Id of the key (made up unless given)' },
    { name: 'name', type: 'string', description: 'Name for people' },
    { name: 'description', type: 'string', description: 'Note for people' },
    {
      name: 'role',
      type: 'string',
      description: 'owner, admin, developer, member, viewer or custom: what --permissions says alone',
      default: 'developer',
    },
    {
      name: 'scope',
      type: 'string',
      description: 'What it may read: its workspace, or its whole organization',
      default: 'workspace',
    },
    { name: 'permissions', type: 'string', description: 'Further permissions, separated by commas' },
    { name: 'models', type: 'string', description: 'Allowed models, or beginnings followed by *' },
    { name: 'providers', type: 'string', description: 'Allowed providers' },
    { name: 'routes', type: 'string', description: 'Allowed paths, or beginnings followed by *' },
    { name: 'networks', type: 'string', description: 'Allowed client addresses and networks' },
    { name: 'expires-at', type: 'string', description: 'When it ends: YYYY-MM-DD or RFC 3339' },
    { name: 'labels', type: 'string', description: 'Labels: k=v,k=v' },
    { name: 'budget', type: 'string', description: 'What it may cost: USD/day, /week, /month or /total' },
    { name: 'requests-per-minute', type: 'int', description: 'How many requests it may make a minute' },
    { name: 'limits', type: 'string', description: 'Further limits of the key, as a JSON list' },
    { name: 'token', type: 'string', description: 'The token (made up unless given)' },
    ...TARGET_FLAGS,
    ...GATEWAY_FLAGS,
  ],
  run: (parsed, io) => {
    const input = readInput(parsed)
    if (typeof input === 'string') return wrong(io, input)
    return handle('keys create', 0, parsed, io, {
      http: () => ({ path: '/api/gateway-keys', method: 'POST', body: input }),
      action: 'key.create',
      store: async ({ keys, about }) => {
        const wanted = readNewKey(input)
        about({
          target: wanted.id ?? '',
          ...defined({ organizationId: wanted.organizationId, workspaceId: wanted.workspaceId }),
        })
        const issued = await keys.create(ACTOR, wanted, Date.now() * 1000)
        about(referenceOf(issued.key))
        return issuedJson(issued)
      },
      show: showIssued,
    })
  },
}

/** `ongoingai keys rotate` */
export const keysRotate: Command = {
  name: 'keys rotate',
  summary: 'give a gateway key another token, and show it, once',
  usage: `keys rotate ID [--grace-period SECONDS] [--token TOKEN] [--org-id ID] [--workspace-id ID] ${WHERE}`,
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    {
      name: 'grace-period',
      type: 'int',
      description: 'Seconds for which the token before counts too',
      default: '0',
    },
    { name: 'token', type: 'string', description: 'The token (made up unless given)' },
    ...TARGET_FLAGS,
    ...GATEWAY_FLAGS,
  ],
  run: (parsed, io) => {
    const token = parsed.values.get('token')
    const input: Members = {
      grace_period_seconds: Number(parsed.values.get('grace-period') ?? 0),
      ...(token === undefined ? {} : { token }),
    }
    return handle('keys rotate', 1, parsed, io, {
      http: (id) => ({ path: pathOf(id, parsed, '/rotate'), method: 'POST', body: input }),
      action: 'key.rotate',
      store: async ({ keys, about, id, within }) => {
        const key = await keys.get(ACTOR, id, within)
        about(referenceOf(key))
        return issuedJson(await keys.rotate(ACTOR, key, readRotation(input), Date.now() * 1000))
      },
      show: showIssued,
    })
  },
}

/** `ongoingai keys revoke` */
export const keysRevoke: Command = {
  name: 'keys revoke',
  summary: 'end a gateway key for good',
  usage: `keys revoke ID [--org-id ID] [--workspace-id ID] ${WHERE}`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...TARGET_FLAGS, ...GATEWAY_FLAGS],
  run: (parsed, io) =>
    handle('keys revoke', 1, parsed, io, {
      http: (id) => ({ path: pathOf(id, parsed), method: 'DELETE' }),
      action: 'key.revoke',
      store: async ({ keys, about, id, within }) => {
        const key = await keys.get(ACTOR, id, within)
        about(referenceOf(key))
        await keys.revoke(ACTOR, key, Date.now() * 1000)
        return undefined
      },
      show: () =>
        `gateway key ${parsed.positional[0]} is revoked; running gateways refuse it within a second\n`,
    }),
}

interface Handled {
  readonly http: (id: string) => {
    readonly path: string
    readonly method?: 'POST' | 'DELETE'
    readonly body?: Members
  }
  /** What is audited of it; absent for what changes nothing. */
  readonly action?: AuditAction
  readonly store: (around: InStore) => Promise<object | undefined>
  /** The answer while there is no store; what only reads makes none. */
  readonly withoutStore?: (config: Config) => object
  /** @param keyField name of the gateway key field */
  readonly show: (value: unknown, keyField: string) => string
}

interface InStore {
  readonly keys: KeyAdministration
  readonly id: string
  readonly within: Partial<Tenant>
  /** Tells the audit trail which key it is about. */
  readonly about: (key: Told) => void
}

/** A key as the audit trail names it. */
type Told = Partial<Tenant> & { readonly target: string }

/** Handles keys of a running gateway when its URL is given, else of the store. */
async function handle(
  name: string,
  positional: number,
  parsed: Arguments,
  io: Io,
  handled: Handled,
): Promise<number> {
  const { http, show } = handled
  const format = readFormat(name, parsed)
  if ('problem' in format) return wrong(io, format.problem)
  if (parsed.positional.length !== positional) {
    return wrong(
      io,
      positional === 0 ? `${name} does not accept positional arguments` : `${name} needs the id of one key`,
    )
  }
  const [id = ''] = parsed.positional
  const timeoutMs = readTimeout(parsed)
  if (typeof timeoutMs === 'string') return wrong(io, `invalid ${name} ${timeoutMs}`)
  try {
    const value = parsed.values.has('base-url')
      ? (await askGateway(parsed, io, { what: 'gateway keys', ...http(id), timeoutMs })).value
      : await inStore(parsed, io, id, handled)
    if (value === FAILED) return 1
    if (format.format === 'json') io.out(value === undefined ? '' : `${contractJson(value, 2)}\n`)
    else io.out(show(value, keyFieldOf(parsed, io)))
    return 0
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof GatewayError && error.code === 'bad_request' ? 2 : 1
  }
}

const FAILED = Symbol('the reason was shown')

async function inStore(
  parsed: Arguments,
  io: Io,
  id: string,
  { action, store, withoutStore }: Handled,
): Promise<object | undefined | typeof FAILED> {
  const config = withConfig(parsed, io)
  if (!config) return FAILED
  if (withoutStore && hasNoStore(config)) {
    noteOff(config, io)
    return withoutStore(config)
  }
  const { openStorage } = await import('../storage/open-storage.ts')
  const storage = await openStorage(config.storage, action === undefined ? 'read' : 'write', waitingFor(io))
  const within = defined({
    organizationId: parsed.values.get('org-id'),
    workspaceId: parsed.values.get('workspace-id'),
  })
  let told: Told = { target: id, ...within }
  /** What is done is done, whether or not it can be written down. */
  const note = async (event: Pick<AuditEvent, 'outcome'> & Partial<AuditEvent>): Promise<void> => {
    if (action === undefined) return
    await audited(storage, { action, ...told, ...event }).catch((error: unknown) =>
      io.err(`note: not in the audit trail: ${error instanceof Error ? error.message : String(error)}\n`),
    )
  }
  try {
    const keys = administration(config, patient(storage))
    const value = await store({ id, keys, within, about: (key) => (told = { ...told, ...key }) })
    await note({ outcome: 'success' })
    noteOff(config, io)
    return value
  } catch (error) {
    if (error instanceof GatewayError) await note({ outcome: 'error', reason: changeReason(error.code) })
    throw error
  } finally {
    await storage.close()
  }
}

function noteOff({ auth }: Config, io: Io): void {
  if (!auth.enabled) io.err('note: auth.enabled is false, so no key is demanded\n')
}

function referenceOf({ id, organizationId, workspaceId }: KeyReference): Told {
  return { target: id, organizationId, workspaceId }
}

function administration(config: Config, directory: TenantDirectory): KeyAdministration {
  return new KeyAdministration({
    store: directory,
    peppers: async () => {
      const peppers = peppersOf(config)
      await claimPeppers(directory, peppers)
      return peppers
    },
    fileKeys: () => config.auth.keys,
    policies: () => config.limits.policies,
    allowWeakTokens: () => config.auth.allowWeakTokens,
  })
}

/** The directory beside a running gateway that is writing all the time. */
function patient(storage: Storage): TenantDirectory {
  const directory = storage.directory()
  return new Proxy(directory, {
    get: (target, name: keyof TenantDirectory) => {
      const method = target[name] as (...parameters: unknown[]) => Promise<unknown>
      return (...parameters: unknown[]) => untilFree(storage, () => method.apply(target, parameters))
    },
  })
}

/** The key that flags describe; a text is what is wrong with them. */
function readInput({ values }: Arguments): Members | string {
  const input: Record<string, unknown> = {}
  for (const flag of [...TEXTS, 'org-id', 'workspace-id']) {
    const value = values.get(flag)
    if (value !== undefined) input[flag.replace('-', '_')] = value
  }
  for (const flag of LISTS) {
    const value = values.get(flag)
    if (value !== undefined) input[flag] = value.split(',').map((item) => item.trim())
  }
  const labels = values.get('labels')
  if (labels !== undefined) {
    const pairs = labels.split(',').map((pair) => pair.split('=', 2))
    if (pairs.some((pair) => pair.length < 2)) return 'labels must be k=v,k=v'
    input['labels'] = Object.fromEntries(pairs)
  }
  const limits = readLimits(values)
  if (typeof limits === 'string') return limits
  if (limits.length > 0) input['limits'] = limits
  return input
}

/** `--budget`, `--requests-per-minute` and `--limits`; a text is what is wrong with them. */
function readLimits(values: Arguments['values']): unknown[] | string {
  const limits: unknown[] = []
  const requests = values.get('requests-per-minute')
  if (requests !== undefined) {
    if (Number(requests) < 1) return 'requests-per-minute must be at least 1'
    limits.push({ name: 'requests-per-minute', requests_per_minute: Number(requests) })
  }
  const budget = values.get('budget')
  if (budget !== undefined) {
    const [, cost, period] = /^\$?(\d+(?:\.\d+)?)\/(day|week|month|total)$/.exec(budget.trim()) ?? []
    if (Number(cost ?? 0) === 0)
      return `budget "${budget}" must be an amount in USD and a period: 50/month (day, week, month or total)`
    limits.push({ name: 'budget', budget: { cost_usd: Number(cost), period } })
  }
  const json = values.get('limits')
  if (json === undefined) return limits
  try {
    const further = parseStrictJson(json)
    return Array.isArray(further) ? [...limits, ...further] : 'limits must be a JSON list'
  } catch {
    return 'limits must be a JSON list'
  }
}

function pathOf(id: string, { values }: Arguments, action = ''): string {
  const query = new URLSearchParams()
  for (const flag of ['org-id', 'workspace-id']) {
    const value = values.get(flag)
    if (value !== undefined) query.set(flag.replace('-', '_'), value)
  }
  return `/api/gateway-keys/${encodeURIComponent(id)}${action}${query.size > 0 ? `?${query.toString()}` : ''}`
}

interface Shown {
  readonly id: string
  readonly org_id: string
  readonly workspace_id: string
  readonly name?: string
  readonly role?: string
  readonly permissions?: readonly string[]
  readonly scope?: string
  readonly token_prefix?: string
  readonly last_used_at: string
  readonly expires_at?: string
  readonly source: string
  readonly token?: string
}

const HEADINGS = [
  'ID',
  'NAME',
  'ORG',
  'WORKSPACE',
  'ROLE',
  'TOKEN',
  'LAST USED',
  'EXPIRES',
  'SCOPE',
  'SOURCE',
]

function rowOf(key: Shown): string[] {
  return [
    key.id,
    key.name ?? '',
    key.org_id,
    key.workspace_id,
    roleOf(key),
    key.token_prefix === undefined ? '' : `${key.token_prefix}…`,
    key.last_used_at.startsWith('0001') ? 'never' : key.last_used_at,
    key.expires_at ?? 'never',
    key.scope ?? '',
    key.source,
  ]
}

/** `custom: proxy:write`; permissions beside those of the role where there are some. */
function roleOf({ role = '', permissions = [] }: Shown): string {
  return permissions.length === 0 ? role : `${role}: ${permissions.join(', ')}`
}

function showIssued(value: unknown, keyField: string): string {
  const key = value as Shown
  return `${textTable([
    ['Id', key.id],
    ['Tenant', `${key.org_id}/${key.workspace_id}`],
    ['Role', roleOf(key)],
    ['Expires', key.expires_at ?? 'never'],
    ['Token', key.token ?? ''],
  ])}
The token is not kept and not shown again. Clients send it beside the provider's
own credential, in the field ${keyField}. The lines for tools:

  export ONGOINGAI_GATEWAY_KEY=${key.token ?? ''}
${headersVariables()
  .map((name) => `  export ${name}="${keyField}: $ONGOINGAI_GATEWAY_KEY"\n`)
  .join('')}`
}

/** Of this command line, or of the settings as far as they can be read. */
function keyFieldOf({ values }: Arguments, io: Io): string {
  const given = values.get('auth-header')?.trim() ?? ''
  if (given !== '') return given
  try {
    const { header } = readSettings(values.get('config'), io.environment).document.values['auth'] as {
      header: string
    }
    return header.trim() || DEFAULT_KEY_FIELD
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return DEFAULT_KEY_FIELD
  }
}

function wrong(io: Io, message: string): number {
  io.err(`${message}\n`)
  return 2
}
