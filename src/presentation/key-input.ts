import type { KeyChanges, NewKey } from '../access/key-administration.ts'
import { isKeyScope, KEY_SCOPES } from '../access/key-scope.ts'
import { RULE_LISTS } from '../access/key-rules.ts'
import { KEY_LIMIT, KEY_RULES } from '../config/limit-settings.ts'
import { camelCased, type Section } from '../config/setting.ts'
import { readPolicy, type RawPolicy } from '../config/validate-limits.ts'
import { defined } from './defined.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import { parseTimeOrDay } from '../time/rfc3339.ts'
import { badRequest } from './bad-request.ts'
import { readMembers, type Members } from './read-members.ts'

const text = { kind: 'string', default: '', doc: '' } as const
const SETTINGS_FIELDS = {
  name: text,
  description: text,
  role: text,
  permissions: { kind: 'strings', default: [], doc: '' },
  ...KEY_RULES,
  expires_at: text,
  limits: { kind: 'list', doc: '', item: KEY_LIMIT },
} as const satisfies Section['fields']

const NEW_KEY = sectionOf({
  id: text,
  token: text,
  org_id: text,
  workspace_id: text,
  scope: text,
  ...SETTINGS_FIELDS,
})
const KEY_CHANGES = sectionOf(SETTINGS_FIELDS)
const ROTATION = sectionOf({ token: text, grace_period_seconds: { kind: 'int', default: 0, doc: '' } })

/** The values that `null` clears a member to. */
const CLEARED: Members = {
  name: '',
  description: '',
  permissions: [],
  ...Object.fromEntries(RULE_LISTS.map((list) => [list, []])),
  expires_at: '',
  labels: {},
  limits: [],
}

/** Reads a new key. `null` counts as absent. @throws GatewayError `bad_request` */
export function readNewKey({ labels, ...rest }: Members): NewKey {
  const present = readMembers(rest, NEW_KEY)
  const scope = textOf(present['scope'])
  if (scope !== undefined && !isKeyScope(scope))
    throw badRequest(`scope must be one of ${KEY_SCOPES.join(', ')}`)
  return {
    ...settingsOf(present, labels),
    ...defined({
      id: textOf(present['id']),
      token: textOf(present['token']),
      organizationId: textOf(present['org_id']),
      workspaceId: textOf(present['workspace_id']),
      scope,
    }),
  }
}

/** Reads changes of a key: an absent member stays, `null` clears it. @throws GatewayError `bad_request` */
export function readKeyChanges(input: Members): KeyChanges {
  if ('scope' in input) throw badRequest('scope cannot be changed; make another key')
  if (input['role'] === null) throw badRequest('invalid json body: role must be a string')
  const given = Object.entries(input).map(([name, value]) => [name, value === null ? CLEARED[name] : value])
  const { labels, ...rest } = Object.fromEntries(given) as Members
  return settingsOf(readMembers(rest, KEY_CHANGES), labels)
}

/** Reads a rotation: a new token and a grace period. @throws GatewayError `bad_request` */
export function readRotation(input: Members): { readonly token?: string; readonly graceSeconds: number } {
  const present = readMembers(input, ROTATION)
  return {
    ...defined({ token: textOf(present['token']) }),
    graceSeconds: Number(present['grace_period_seconds'] ?? 0),
  }
}

function sectionOf(fields: Section['fields']): Section {
  return { kind: 'section', type: 'gateway key', doc: '', fields }
}

function settingsOf(present: Members, labels: unknown): KeyChanges {
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
        : Object.fromEntries(rules.map((list) => [list, present[list] as string[]])),
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
