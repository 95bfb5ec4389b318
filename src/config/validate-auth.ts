import { ruleProblems, type KeyRules } from '../access/key-rules.ts'
import { isKeyScope, KEY_SCOPES } from '../access/key-scope.ts'
import { isWeakToken } from '../access/key-token.ts'
import { isPermission, PERMISSIONS, roleProblem } from '../access/permissions.ts'
import { parseTimeOrDay } from '../time/rfc3339.ts'
import { CREDENTIAL_FIELDS } from '../traces/provider-credential.ts'
import { isStorable } from '../wire/storable-text.ts'
import type { Config } from './config.ts'
import type { GatewayKeyConfig, KeyPlaces } from '../access/settings.ts'
import type { ProviderConfig } from '../providers/settings.ts'
import { quote } from './scalar.ts'
import { readPolicy, type RawPolicy } from './validate-limits.ts'
import { FIELD_NAME } from '../http/fields.ts'
import type { Wrong } from './validate-providers.ts'

/** A key in the file, not yet checked. */
export interface RawKey
  extends Omit<GatewayKeyConfig, 'scope' | 'rules' | 'expiresAtUs' | 'limits'>, KeyRules {
  readonly scope: string
  readonly expiresAt: string
  readonly limits: readonly Omit<RawPolicy, 'per'>[]
}

interface RawAuth {
  readonly enabled: boolean
  readonly header: string
  readonly acceptIn: readonly string[]
  readonly pepper: string
  readonly previousPepper: string
  readonly allowWeakTokens: boolean
  readonly maxStalenessMs: number
  readonly keys: readonly RawKey[]
}

/** Checks `auth`. Keys are checked only when they are enabled. */
export function checkAuth(
  { auth }: { readonly auth: RawAuth },
  providers: readonly ProviderConfig[],
  wrong: Wrong,
): Config['auth'] {
  const header = auth.header.trim().toLowerCase()
  if (header === '') wrong('auth.header', 'auth.header must not be empty; leave it out, or write a name')
  else if (!FIELD_NAME.test(header))
    wrong('auth.header', `auth.header is not a header name (got ${quote(auth.header)})`)
  else if ([...CREDENTIAL_FIELDS, ...providers.map((p) => p.credentialHeader)].includes(header)) {
    wrong(
      'auth.header',
      `auth.header=${quote(auth.header)} conflicts with Authorization/X-API-Key; leave it out, or write another name`,
    )
  }
  const [pepper, previous] = [auth.pepper.trim(), auth.previousPepper.trim()]
  const checked = {
    enabled: auth.enabled,
    header,
    acceptIn: checkPlaces(auth.acceptIn, wrong),
    pepper,
    previousPeppers: previous === '' ? [] : [previous],
    maxStalenessMs: auth.maxStalenessMs,
    allowWeakTokens: auth.allowWeakTokens,
  }
  if (!auth.enabled)
    return { ...checked, keys: auth.keys.map((key, i) => readKey(key, `auth.keys[${i}]`, ignore)) }
  for (const [name, value] of [
    ['auth.pepper', pepper],
    ['auth.previous_pepper', previous],
  ] as const) {
    if (value !== '' && value.length < 32)
      wrong(name, `${name} must have 32 characters or more; "openssl rand -hex 32" makes some`)
  }
  if (previous !== '' && pepper === '')
    wrong('auth.previous_pepper', 'auth.previous_pepper needs auth.pepper')
  if (auth.maxStalenessMs < 0) {
    wrong('auth.max_staleness_ms', `auth.max_staleness_ms must be >= 0 (got ${auth.maxStalenessMs})`)
  }
  const seen = new Set<string>()
  const keys = auth.keys.map((key, i) => {
    const path = `auth.keys[${i}]`
    const token = key.token.trim()
    if (token === '') wrong(`${path}.token`, `${path}.token: gateway key token cannot be empty`)
    else if (seen.has(token))
      wrong(
        `${path}.token`,
        `${path}.token: duplicate gateway key token in auth config; give each key its own`,
      )
    else if (!auth.allowWeakTokens && isWeakToken(token)) {
      wrong(
        `${path}.token`,
        `${path}.token can be guessed: give it 16 or more random characters, or set auth.allow_weak_tokens: true`,
      )
    }
    seen.add(token)
    return readKey(key, path, wrong)
  })
  return { ...checked, keys }
}

/** The names of `accept_in`. */
const PLACES = ['header', 'provider_field']

function checkPlaces(given: readonly string[], wrong: Wrong): KeyPlaces {
  const names = given.map((name) => name.trim().toLowerCase())
  const unknown = names.find((name) => !PLACES.includes(name))
  if (unknown !== undefined)
    wrong('auth.accept_in', `auth.accept_in holds header, provider_field or both (got ${quote(unknown)})`)
  else if (names.length === 0)
    wrong('auth.accept_in', 'auth.accept_in must name a place; write [header] or [header, provider_field]')
  return { header: names.includes('header'), providerField: names.includes('provider_field') }
}

const ignore: Wrong = () => undefined

function readKey(key: RawKey, path: string, wrong: Wrong): GatewayKeyConfig {
  const ofRole = roleProblem(key.role.trim().toLowerCase(), key.permissions)
  if (ofRole !== undefined) wrong(`${path}.role`, `${path}.${ofRole} (got ${quote(key.role)})`)
  for (const permission of key.permissions) {
    if (isPermission(permission.trim().toLowerCase())) continue
    wrong(
      `${path}.permissions`,
      `${path}.permissions: unknown permission ${quote(permission)}; known are ${PERMISSIONS.join(', ')}`,
    )
  }
  const scope = key.scope.trim().toLowerCase()
  if (!isKeyScope(scope)) {
    wrong(`${path}.scope`, `${path}.scope must be one of ${KEY_SCOPES.join(', ')} (got ${quote(key.scope)})`)
  }
  for (const [name, text] of Object.entries(key)) {
    if (typeof text === 'string' && !isStorable(text))
      wrong(path, `${path}.${name} must not hold a NUL character`)
  }
  const { models, providers, routes, networks, expiresAt, limits, ...rest } = key
  const rules = { models, providers, routes, networks }
  for (const problem of ruleProblems(rules))
    wrong(`${path}.${problem.slice(0, problem.indexOf(':'))}`, `${path}.${problem}`)
  const expiry = expiresAt.trim() === '' ? null : parseTimeOrDay(expiresAt.trim())
  if (expiry === undefined) {
    wrong(
      `${path}.expires_at`,
      `${path}.expires_at must be YYYY-MM-DD or RFC 3339 (got ${quote(expiresAt)}); write such as 2026-12-31`,
    )
  }
  return {
    ...rest,
    scope: isKeyScope(scope) ? scope : 'workspace',
    rules,
    expiresAtUs: expiry ?? null,
    limits: limits.map((limit, l) => readPolicy({ ...limit, per: 'key' }, `${path}.limits[${l}]`, wrong)),
  }
}
