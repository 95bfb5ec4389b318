import type { KeyActor } from '../access/key-administration.ts'
import { DEFAULT_KEY_FIELD } from '../access/key-field.ts'
import { ConfigError, readSettings } from '../config/load.ts'
import { GatewayError } from '../errors.ts'
import { contractJson } from '../wire/json/contract-json.ts'
import { defined } from '../presentation/defined.ts'
import { readNewKey, readRotation } from '../presentation/key-input.ts'
import { fileKeyJson, issuedJson, keyJson } from '../presentation/key-json.ts'
import type { Members } from '../presentation/read-members.ts'
import { type Io, readFormat } from './command.ts'
import type { Arguments } from './flags.ts'
import { readInput } from './key-flags.ts'
import { type Shown, showIssued, showKeys } from './key-text.ts'
import { FAILED, type StoreWork, inStore, referenceOf } from './keys-in-store.ts'
import { readTimeout, requestGateway } from './running-gateway.ts'

/** The actor when a command works on the store itself: a user who can open it may do everything. */
const ACTOR: KeyActor = { name: 'cli', scope: undefined, home: undefined, key: undefined }

/** `ongoingai keys list` */
export function listKeys(parsed: Arguments, io: Io): Promise<number> {
  return handle('keys list', 0, parsed, io, {
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
  })
}

/** `ongoingai keys create` */
export function createKey(parsed: Arguments, io: Io): Promise<number> | number {
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
}

/** `ongoingai keys rotate` */
export function rotateKey(parsed: Arguments, io: Io): Promise<number> | number {
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
}

/** `ongoingai keys revoke` */
export function revokeKey(parsed: Arguments, io: Io): Promise<number> {
  return handle('keys revoke', 1, parsed, io, {
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
  })
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
