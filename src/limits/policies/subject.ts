import type { Caller } from '../../traces/exchange.ts'
import type { LimitPolicy } from './policy.ts'

/** Whose requests they are, as far as limits count it. */
export interface LimitCaller {
  readonly caller: Caller
  /** Tells keys apart, also those without an id; empty without a key. */
  readonly counterId: string
}

/** What a caller asks for, as far as limits count it. Empty texts: not known. */
export interface LimitFacts {
  readonly endUser: string
  readonly sessionId: string
  readonly provider: string
  readonly model: string
}

/** A part of a counter's name: whatever it holds, it cannot pass for another part. */
export function part(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed())
  return encoded.length <= 200 ? encoded : `sha256-${Bun.SHA256.hash(text, 'hex')}`
}

/** How a tenant stands in the names of what counts for it or for a part of it. */
export function tenantPart({
  organizationId,
  workspaceId,
}: Pick<Caller, 'organizationId' | 'workspaceId'>): string {
  return `${part(organizationId)}/${part(workspaceId)}`
}

/** The subject of everything that a key spends, or, without a key, its workspace. @param keyId empty without a key */
export function spenderOf(tenant: Pick<Caller, 'organizationId' | 'workspaceId'>, keyId: string): string {
  return keyId === '' ? `workspace:${tenantPart(tenant)}` : `key:${tenantPart(tenant)}/${part(keyId)}`
}

/** The subject of a policy where a request does not change it; `undefined` where it names an end user or a session. */
export function fixedSubject(policy: LimitPolicy, of: LimitCaller): string | undefined {
  if (policy.per === 'end_user' || policy.per === 'session') return undefined
  return subjectOf(policy, of, { endUser: '', sessionId: '', provider: '', model: '' })
}

/** Who is counted together by a policy; `undefined` for a request that does not say whose it is. */
export function subjectOf(
  { per, match }: LimitPolicy,
  of: LimitCaller,
  { endUser, sessionId }: LimitFacts,
): string | undefined {
  const { caller } = of
  const workspace = tenantPart(caller)
  // What a policy leaves out, it must not count with what others count.
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
