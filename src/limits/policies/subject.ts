import type { Caller } from '../../traces/exchange.ts'
import type { LimitPolicy } from './policy.ts'

/** Whose request it is, as far as limits need it. */
export interface LimitCaller {
  readonly caller: Caller
  /** Identifies a key, also one without an id. Empty without a key. */
  readonly counterId: string
}

/** What a request asks for, as far as limits need it. Empty when unknown. */
export interface LimitFacts {
  readonly endUser: string
  readonly sessionId: string
  readonly provider: string
  readonly model: string
  /** What it may run where `model` cannot be told. Absent where it can, and where nothing is named. */
  readonly models?: readonly string[] | 'any' | undefined
}

/** A part of a counter's name, encoded so that it cannot be confused with another part. */
export function part(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed())
  return encoded.length <= 200 ? encoded : `sha256-${Bun.SHA256.hash(text, 'hex')}`
}

/** A tenant's prefix in the names of its counters. */
export function tenantPart({
  organizationId,
  workspaceId,
}: Pick<Caller, 'organizationId' | 'workspaceId'>): string {
  return `${part(organizationId)}/${part(workspaceId)}`
}

/** The subject of a key's whole spending. Without a key, the workspace's. @param keyId empty without a key */
export function spenderOf(tenant: Pick<Caller, 'organizationId' | 'workspaceId'>, keyId: string): string {
  return keyId === '' ? `workspace:${tenantPart(tenant)}` : `key:${tenantPart(tenant)}/${part(keyId)}`
}

/** The subject of a policy, if it does not depend on the request. `undefined` if it names an end user or a session. */
export function fixedSubject(policy: LimitPolicy, of: LimitCaller): string | undefined {
  if (policy.per === 'end_user' || policy.per === 'session') return undefined
  return subjectOf(policy, of, { endUser: '', sessionId: '', provider: '', model: '' })
}

/** The subject of a policy for a request. `undefined` if the request does not name its end user or session. */
export function subjectOf(
  { per, match }: LimitPolicy,
  of: LimitCaller,
  { endUser, sessionId }: LimitFacts,
): string | undefined {
  const { caller } = of
  const workspace = tenantPart(caller)
  // A policy must not count excluded requests together with others.
  const only = [
    match.workspaceId !== '' && per === 'organization' ? `&workspace=${part(match.workspaceId)}` : '',
    match.keyId !== '' && per !== 'key' ? `&key=${part(match.keyId)}` : '',
    match.provider === '' ? '' : `&provider=${part(match.provider)}`,
    match.model === '' ? '' : `&model=${part(match.model)}`,
  ].join('')
  switch (per) {
    case 'organization':
      return `organization:${part(caller.organizationId)}${only}`
    case 'workspace':
      return `workspace:${workspace}${only}`
    case 'key':
      return `${spenderOf(caller, of.counterId)}${only}`
    case 'end_user':
      return endUser === '' ? undefined : `end_user:${workspace}/${part(endUser)}${only}`
    case 'session':
      return sessionId === '' ? undefined : `session:${workspace}/${part(sessionId)}${only}`
    default:
      return per satisfies never
  }
}
