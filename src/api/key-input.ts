import { NO_RULES, RULE_LISTS } from '../access/key-rules.ts'
import type { NewKey } from '../access/key-administration.ts'
import { decodeSettings } from '../config/document.ts'
import { KEY_LIMIT, KEY_RULES } from '../config/limit-settings.ts'
import { camelCased, type Section } from '../config/setting.ts'
import { readPolicy, type RawPolicy } from '../config/validate-limits.ts'
import { defined } from '../defined.ts'
import type { LimitPolicy } from '../limits/policy.ts'
import { parseTimeOrDay } from '../rfc3339.ts'
import type { KeySettings } from '../storage/storage.ts'
import { badRequest } from './query-parameters.ts'

const SETTINGS_FIELDS = {
  name: { kind: 'string', default: '', doc: '' },
  description: { kind: 'string', default: '', doc: '' },
  role: { kind: 'string', default: '', doc: '' },
  permissions: { kind: 'strings', default: [], doc: '' },
  ...KEY_RULES,
  expires_at: { kind: 'string', default: '', doc: '' },
  limits: { kind: 'list', doc: '', item: KEY_LIMIT },
} as const satisfies Section['fields']

const text = { kind: 'string', default: '', doc: '' } as const
const CREATE_FIELDS = { id: text, token: text, org_id: text, workspace_id: text, ...SETTINGS_FIELDS } as const
const ROTATE_FIELDS = { token: text, grace_period_seconds: { kind: 'int', default: 0, doc: '' } } as const

/** What is asked of keys, as an object of the JSON contract whose names are in lower case. */
export type KeyInput = Readonly<Record<string, unknown>>

/** A key to be made. @throws GatewayError `bad_request` */
export function readNewKey(input: KeyInput): NewKey {
  const { labels, ...rest } = input
  const present = decode(rest, CREATE_FIELDS)
  return {
    ...settingsOf(present, labels),
    ...defined({
      id: textOf(present['id']),
      token: textOf(present['token']),
      organizationId: textOf(present['org_id']),
      workspaceId: textOf(present['workspace_id']),
    }),
  }
}

/** Changes of a key: those that are given. @throws GatewayError `bad_request` */
export function readKeyChanges(input: KeyInput): Partial<KeySettings> {
  const { labels, ...rest } = input
  return settingsOf(decode(rest, SETTINGS_FIELDS), labels)
}

/** How a key gets another token. @throws GatewayError `bad_request` */
export function readRotation(input: KeyInput): { readonly token?: string; readonly graceSeconds: number } {
  const present = decode(input, ROTATE_FIELDS)
  return {
    ...defined({ token: textOf(present['token']) }),
    graceSeconds: Number(present['grace_period_seconds'] ?? 0),
  }
}

/** The members that are given, of the types that they should have. */
function decode(input: KeyInput, fields: Section['fields']): KeyInput {
  const section: Section = { kind: 'section', type: 'gateway key', doc: '', fields }
  const { values, problems } = decodeSettings(JSON.stringify(input), section, () => {
    throw new Error('secrets are not read from files here')
  })
  const [problem] = problems
  if (problem) throw badRequest(`invalid json body: ${problem.message}`)
  return Object.fromEntries(Object.entries(values).filter(([name]) => input[name] != null))
}

function settingsOf(present: Readonly<Record<string, unknown>>, labels: unknown): Partial<KeySettings> {
  const rules = RULE_LISTS.filter((list) => present[list] !== undefined)
  const expiresAt = textOf(present['expires_at'])
  const expiresAtUs =
    expiresAt === undefined ? undefined : expiresAt === '' ? null : parseTimeOrDay(expiresAt)
  if (expiresAt && expiresAtUs === undefined) throw badRequest('expires_at must be YYYY-MM-DD or RFC 3339')
  return defined({
    name: textOf(present['name']),
    description: textOf(present['description']),
    role: textOf(present['role']),
    permissions: present['permissions'] as string[] | undefined,
    labels: labels == null ? undefined : readLabels(labels),
    rules:
      rules.length === 0
        ? undefined
        : { ...NO_RULES, ...Object.fromEntries(rules.map((list) => [list, present[list] as string[]])) },
    limits: present['limits'] === undefined ? undefined : readLimits(present['limits'] as object[]),
    expiresAtUs,
  })
}

function readLabels(value: unknown): Record<string, string> {
  const entries =
    typeof value === 'object' && !Array.isArray(value) ? Object.entries(value as object) : undefined
  if (!entries?.every(([, label]) => typeof label === 'string')) {
    throw badRequest('invalid json body: labels must be an object of texts')
  }
  return Object.fromEntries(entries) as Record<string, string>
}

function readLimits(raw: readonly object[]): LimitPolicy[] {
  return raw.map((limit, i) =>
    readPolicy({ ...(camelCased(limit) as RawPolicy), per: 'key' }, `limits[${i}]`, (_, message) => {
      throw badRequest(message)
    }),
  )
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
