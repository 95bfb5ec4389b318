import { Adjustments } from '../../limits/policies/adjustments.ts'
import { CallerLimits } from '../../limits/policies/caller-limits.ts'
import type { LimitPolicy } from '../../limits/policies/policy.ts'
import { TenantTallies } from '../../limits/policies/tenant-tallies.ts'
import type { Trace, TraceSpend } from '../../traces/trace.ts'

/** A key's own limits. */
export type OwnLimits = (organizationId: string, workspaceId: string, keyId: string) => readonly LimitPolicy[]

/** An adjustment changes the amount, not the spender. */
const NOT_ADJUSTED = new Adjustments()

/** The spender of imported traces: the same as if this gateway had served them. */
export class ImportedSpend {
  readonly #policies: readonly LimitPolicy[]
  readonly #ownLimits: OwnLimits
  readonly #tallies = new TenantTallies()
  readonly #callers = new Map<string, CallerLimits>()

  /** @param policies of the configuration */
  constructor(policies: readonly LimitPolicy[], ownLimits: OwnLimits) {
    this.#policies = policies
    this.#ownLimits = ownLimits
  }

  of(trace: Trace): TraceSpend {
    const { endUser, sessionId, provider, model, startedAtUs } = trace
    const facts = { endUser, sessionId, provider, model }
    const { spenders } = this.#limitsOf(trace).resolve(facts, startedAtUs / 1000)
    // Folded rows of the ledger have no gateway either.
    return { subjects: spenders, instance: '', assumedNanoUsd: 0, reserved: false }
  }

  #limitsOf({ organizationId, workspaceId, gatewayKeyId: keyId }: Trace): CallerLimits {
    const name = JSON.stringify([organizationId, workspaceId, keyId])
    const known = this.#callers.get(name)
    if (known) return known
    const caller = { organizationId, workspaceId, keyId, team: '', role: '' }
    const own = this.#ownLimits(organizationId, workspaceId, keyId)
    const of = { caller, counterId: keyId }
    const limits = new CallerLimits(this.#policies, own, of, this.#tallies.of(caller), NOT_ADJUSTED)
    this.#callers.set(name, limits)
    return limits
  }
}
