import { readPath } from '../redaction/denied-values.ts'
import { customDetector, type CustomSettings } from '../redaction/detectors/custom.ts'
import { DETECTORS } from '../redaction/detectors/registry.ts'
import { MODES, readMode } from '../redaction/modes.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { quote } from './scalar.ts'
import type { Wrong } from './validate-providers.ts'

/** `pii` in the file, not yet checked. */
export interface RawPii {
  readonly mode: string
  readonly policyId: string
  readonly stages: {
    readonly requestHeaders: boolean
    readonly requestBody: boolean
    readonly responseHeaders: boolean
    readonly responseBody: boolean
  }
  readonly detectors: {
    readonly email: boolean
    readonly phone: boolean
    readonly ssn: boolean
    readonly tokenLike: boolean
    readonly creditCard: boolean
    readonly iban: boolean
    readonly ipAddress: boolean
    readonly custom: readonly CustomSettings[]
  }
  readonly headers: { readonly denylist: readonly string[] }
  readonly body: { readonly keyDenylist: readonly string[]; readonly pathDenylist: readonly string[] }
  readonly replacement: {
    readonly format: string
    readonly hashSalt: string
    readonly hashKey: string
    readonly reversible: boolean
  }
  readonly uninspectable: string
  readonly maxInspectBytes: number
  readonly scopes: readonly {
    readonly match: {
      readonly orgId: string
      readonly workspaceId: string
      readonly keyId: string
      readonly provider: string
      readonly routePrefix: string
    }
    readonly mode: string
    readonly policyId: string
  }[]
}

/** The upper bound, because requests stay in memory during inspection. */
const MAX_INSPECT_BYTES = 16 * 1024 * 1024

/** Checks `pii`. */
export function checkPii(pii: RawPii, captureBodies: boolean, wrong: Wrong): RedactionSettings {
  const given = pii.mode.trim().toLowerCase()
  const mode = given === '' ? (captureBodies ? 'redact_storage' : 'off') : given
  if (!readMode(mode)) wrong('pii.mode', oneOf('pii.mode', pii.mode))
  checkScopes(pii, wrong)
  checkCustom(pii.detectors.custom, wrong)
  for (const path of pii.body.pathDenylist) {
    if (readPath(path)) continue
    const name = 'pii.body.path_denylist'
    wrong(name, `${name} must hold places like messages[*].content (got ${quote(path)})`)
  }
  const uninspectable = pii.uninspectable.trim().toLowerCase()
  if (uninspectable !== 'allow' && uninspectable !== 'deny') {
    wrong('pii.uninspectable', `pii.uninspectable must be allow or deny (got ${quote(pii.uninspectable)})`)
  }
  const { maxInspectBytes } = pii
  if (maxInspectBytes < 1 || maxInspectBytes > MAX_INSPECT_BYTES) {
    const name = 'pii.max_inspect_bytes'
    wrong(name, `${name} must be between 1 and ${MAX_INSPECT_BYTES} (got ${maxInspectBytes})`)
  }
  const { hashKey, hashSalt, format, reversible } = pii.replacement
  if (hashKey !== '' && hashKey.length < 32) {
    wrong('pii.replacement.hash_key', 'pii.replacement.hash_key must have 32 characters or more')
  }
  return {
    mode,
    policyId: pii.policyId.trim() || 'default/v1',
    requestBody: pii.stages.requestBody,
    responseBody: pii.stages.responseBody,
    detectors: DETECTORS.map(({ name }) => name).filter((name) => isOn(pii.detectors, name)),
    custom: pii.detectors.custom,
    deniedNames: pii.body.keyDenylist,
    deniedPaths: pii.body.pathDenylist,
    format,
    hashSalt,
    hashKey,
    reversible,
    uninspectable: uninspectable === 'allow' ? 'allow' : 'deny',
    maxInspectBytes,
    scopes: pii.scopes.map(({ match, mode: scoped, policyId }) => ({
      organizationId: match.orgId.trim(),
      workspaceId: match.workspaceId.trim(),
      keyId: match.keyId.trim(),
      provider: match.provider.trim(),
      routePrefix: match.routePrefix.trim(),
      mode: scoped.trim().toLowerCase(),
      policyId: policyId.trim(),
    })),
  }
}

function oneOf(path: string, got: string): string {
  return `${path} must be one of ${MODES.join(', ')} (got ${quote(got)})`
}

function isOn(detectors: RawPii['detectors'], name: string): boolean {
  const switches: Readonly<Record<string, boolean>> = {
    email: detectors.email,
    phone: detectors.phone,
    ssn: detectors.ssn,
    token_like: detectors.tokenLike,
    credit_card: detectors.creditCard,
    iban: detectors.iban,
    ip_address: detectors.ipAddress,
  }
  return switches[name] === true
}

function checkScopes({ scopes }: RawPii, wrong: Wrong): void {
  scopes.forEach((scope, i) => {
    const path = `pii.scopes[${i}]`
    if (Object.values(scope.match).every((value) => value.trim() === '')) {
      const names = 'org_id, workspace_id, key_id, provider, or route_prefix'
      wrong(`${path}.match`, `${path}.match must set at least one selector: ${names}`)
    }
    const provider = scope.match.provider.trim()
    if (provider !== provider.toLowerCase()) {
      const got = quote(scope.match.provider)
      wrong(`${path}.match.provider`, `${path}.match.provider must be lowercase when set (got ${got})`)
    }
    const prefix = scope.match.routePrefix.trim()
    if (prefix !== '' && !prefix.startsWith('/')) {
      const got = quote(scope.match.routePrefix)
      wrong(`${path}.match.route_prefix`, `${path}.match.route_prefix must start with '/' (got ${got})`)
    }
    if (scope.mode.trim() !== '' && !readMode(scope.mode))
      wrong(`${path}.mode`, oneOf(`${path}.mode`, scope.mode))
  })
}

function checkCustom(custom: readonly CustomSettings[], wrong: Wrong): void {
  const names = new Set(['field_name', 'uninspectable', ...DETECTORS.map(({ name }) => name)])
  custom.forEach((settings, i) => {
    const path = `pii.detectors.custom[${i}]`
    const { name, pattern, words } = settings
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
      wrong(`${path}.name`, `${path}.name must be lower-case letters, digits and _ (got ${quote(name)})`)
    } else if (names.has(name)) wrong(`${path}.name`, `${path}.name ${quote(name)} is taken`)
    names.add(name)
    const hasWords = words.some((word) => word.trim() !== '')
    if ((pattern === '') === !hasWords) {
      wrong(path, `${path} must have either a pattern or words`)
      return
    }
    try {
      customDetector(settings)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      wrong(`${path}.pattern`, `${path}.pattern cannot be used: ${reason}`)
    }
  })
}
