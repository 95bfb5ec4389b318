import type { KeyActor } from '../access/key-administration.ts'
import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import { ConfigError, readSettings } from '../config/load.ts'
import { GatewayError } from '../errors.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { defined } from '../presentation/defined.ts'
import { readNewKey, readRotation } from '../presentation/key-input.ts'
import { fileKeyJson, issuedJson, keyJson } from '../presentation/key-json.ts'
import type { Members } from '../presentation/read-members.ts'
import { CONFIG_FLAG, type Command, FORMAT_FLAG, type Io, readFormat } from './command.ts'
import type { Arguments } from './flags.ts'
import { TARGET_FLAGS, readInput } from './key-flags.ts'
import { type Shown, showIssued, showKeys } from './key-text.ts'
import { FAILED, type StoreWork, inStore, referenceOf } from './keys-in-store.ts'
import { GATEWAY_FLAGS, readTimeout, requestGateway } from './running-gateway.ts'

const WHERE =
  '[--config path/to/ongoingai.yaml] [--base-url URL [--gateway-key TOKEN] [--auth-header HEADER] [--timeout DURATION]] [--format text|json]'

/** The actor when a command works on the store itself: a user who can open it may do everything. */
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
      run: async ({ keys }) => {
        const { stored, file } = await keys.list(ACTOR)
        return { items: [...stored.map((key) => keyJson(key)), ...file.map((key) => fileKeyJson(key))] }
      },
      withoutStore: ({ auth }) => ({ items: auth.keys.map((key) => fileKeyJson(key)) }),
      show: (value) => {
        const { items } = value as { items: readonly Shown[] }
        return showKeys(items)
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
      run: async ({ keys, setTarget }) => {
        const wanted = readNewKey(input)
        setTarget({
          target: wanted.id ?? '',
          ...defined({ organizationId: wanted.organizationId, workspaceId: wanted.workspaceId }),
        })
        const issued = await keys.create(ACTOR, wanted, Date.now() * 1000)
        setTarget(referenceOf(issued.key))
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
      run: async ({ keys, setTarget, id, within }) => {
        const key = await keys.get(ACTOR, id, within)
        setTarget(referenceOf(key))
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
      run: async ({ keys, setTarget, id, within }) => {
        const key = await keys.get(ACTOR, id, within)
        setTarget(referenceOf(key))
        await keys.revoke(ACTOR, key, Date.now() * 1000)
        return undefined
      },
      show: () =>
        `gateway key ${parsed.positional[0]} is revoked; running gateways refuse it within a second\n`,
    }),
}

/** One command about keys: its request to a running gateway, else its work in the store, and its output. */
interface KeyCommand extends StoreWork {
  readonly http: (id: string) => {
    readonly path: string
    readonly method?: 'POST' | 'DELETE'
    readonly body?: Members
  }
  /** @param keyField name of the gateway key field */
  readonly show: (value: unknown, keyField: string) => string
}

/** Handles keys of a running gateway when its URL is given, else of the store. */
async function handle(
  name: string,
  positional: number,
  parsed: Arguments,
  io: Io,
  command: KeyCommand,
): Promise<number> {
  const { http, show } = command
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
      ? (await requestGateway(parsed, io, { what: 'gateway keys', ...http(id), timeoutMs })).value
      : await inStore(parsed, io, id, command)
    if (value === FAILED) return 1
    if (format.format === 'json') io.out(value === undefined ? '' : `${contractJson(value, 2)}\n`)
    else io.out(show(value, keyFieldOf(parsed, io)))
    return 0
  } catch (error) {
    io.err(`${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof GatewayError && error.code === 'bad_request' ? 2 : 1
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

/** The gateway key field of this command line, or of the settings as far as they can be read. */
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
