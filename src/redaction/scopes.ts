import { readPath } from '../wire/url/path-readings.ts'
import { readMode, type RedactionMode } from './modes.ts'
import type { RedactionScope, RedactionSettings } from './settings.ts'

/** What a scope is chosen by. */
export interface ScopeFacts {
  readonly organizationId: string
  readonly workspaceId: string
  /** Empty without a gateway key. */
  readonly keyId: string
  readonly provider: string
  /** Path on the gateway in its loose reading, prefix included. Case does not matter. */
  readonly route: string
}

/** The mode that holds for an exchange, and under which name. */
export interface ResolvedMode {
  readonly mode: RedactionMode
  readonly policyId: string
}

const OFF: RedactionMode = { name: 'off', request: 'pass', response: 'pass', storage: false }

/** The modes of a policy and its scopes. */
export class Scopes {
  readonly #whole: ResolvedMode
  readonly #scopes: readonly {
    readonly match: RedactionScope
    /** The route prefix as routes are compared, without `/` at its end. */
    readonly below: string
    readonly weight: number
    readonly resolved: ResolvedMode
  }[]
  /** Whether some traffic is looked at on its way; when not, nothing need be resolved there. */
  readonly guards: boolean

  constructor({ mode, policyId, scopes }: Pick<RedactionSettings, 'mode' | 'policyId' | 'scopes'>) {
    this.#whole = { mode: readMode(mode) ?? OFF, policyId }
    this.#scopes = scopes.map((match) => ({
      match,
      below: comparable(match.routePrefix).replace(/\/+$/, ''),
      weight: selectors(match).length,
      resolved: {
        mode: (match.mode === '' ? undefined : readMode(match.mode)) ?? this.#whole.mode,
        policyId: match.policyId === '' ? policyId : match.policyId,
      },
    }))
    this.guards = [this.#whole, ...this.#scopes.map(({ resolved }) => resolved)].some(
      ({ mode: { request, response } }) => request !== 'pass' || response !== 'pass',
    )
  }

  /** The mode of all exchanges alike; `undefined` when scopes make a difference. */
  get everywhere(): ResolvedMode | undefined {
    return this.#scopes.length === 0 ? this.#whole : undefined
  }

  /** The most specific scope that fits; of several, the first. */
  resolve(facts: ScopeFacts): ResolvedMode {
    let best: ResolvedMode | undefined
    let most = 0
    for (const { match, below, weight, resolved } of this.#scopes) {
      if (weight <= most || !fits(match, below, facts)) continue
      most = weight
      best = resolved
    }
    return best ?? this.#whole
  }
}

function selectors({ organizationId, workspaceId, keyId, provider, routePrefix }: RedactionScope): string[] {
  return [organizationId, workspaceId, keyId, provider, routePrefix].filter((value) => value !== '')
}

function fits(match: RedactionScope, below: string, facts: ScopeFacts): boolean {
  return (
    (match.organizationId === '' || match.organizationId === facts.organizationId) &&
    (match.workspaceId === '' || match.workspaceId === facts.workspaceId) &&
    (match.keyId === '' || match.keyId === facts.keyId) &&
    (match.provider === '' || match.provider === facts.provider.toLowerCase()) &&
    (match.routePrefix === '' || isBelow(facts.route.toLowerCase(), below))
  )
}

/** Whole segments only. */
function isBelow(route: string, prefix: string): boolean {
  return route === prefix || route.startsWith(`${prefix}/`)
}

/** A redaction scope must hold for every spelling of a route that an upstream takes for the same. */
function comparable(route: string): string {
  return readPath(route).loose.toLowerCase()
}
