import { headersVariables } from '../providers/dialects/vendors.ts'
import { textTable } from './text-table.ts'

/** A gateway key as the JSON contract shows it. `token` is there only right after it was made. */
export interface Shown {
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

/** A row of the list of keys. */
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

/** `custom: proxy:write`; the role, with the permissions that the key has in addition. */
function roleOf({ role = '', permissions = [] }: Shown): string {
  return permissions.length === 0 ? role : `${role}: ${permissions.join(', ')}`
}

/** A new key or token, with the lines that tools need. */
export function showIssued(value: unknown, keyField: string): string {
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

/** A list of keys as text. */
export function showKeys(items: readonly Shown[]): string {
  return items.length === 0 ? 'no gateway keys\n' : textTable([HEADINGS, ...items.map(rowOf)])
}
