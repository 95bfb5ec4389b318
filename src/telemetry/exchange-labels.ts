import type { Exchange } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import { LabelValues } from './labels.ts'

/** Distinct values of a label that are told apart. */
const MAX_MODELS = 200
const MAX_TENANTS = 500
const MAX_PROVIDERS = 100

/** The contract's five labels. */
export interface ScopeLabels {
  readonly provider: string
  readonly model: string
  readonly org_id: string
  readonly workspace_id: string
  readonly route: string
}

/** The labels of exchanges, each with a bound. */
export class ExchangeLabels {
  readonly #models = new LabelValues(MAX_MODELS)
  readonly #organizations = new LabelValues(MAX_TENANTS)
  readonly #workspaces = new LabelValues(MAX_TENANTS)
  readonly #providers = new LabelValues(MAX_PROVIDERS)

  /** A model counts once a provider has answered for it: what requests merely name is `other`. */
  scope(
    exchange: Pick<Exchange, 'caller' | 'route'>,
    {
      provider,
      model,
      responseStatus,
      totalTokens,
    }: Pick<Trace, 'provider' | 'model' | 'responseStatus' | 'totalTokens'>,
  ): ScopeLabels {
    const answered = responseStatus >= 200 && responseStatus < 300 && totalTokens > 0
    // Without gateway keys nobody has a tenant.
    const { keyId, organizationId, workspaceId } = exchange.caller
    const known = keyId !== '' || organizationId !== 'default' || workspaceId !== 'default'
    return {
      provider: this.#providers.of(provider),
      model: model === 'unknown' ? 'unknown' : this.#models.of(model, answered),
      org_id: this.#organizations.of(known ? organizationId : ''),
      workspace_id: this.#workspaces.of(known ? workspaceId : ''),
      route: exchange.route,
    }
  }
}

/** A status as a label: only those that HTTP has. */
export function statusLabel(status: number): number {
  return status >= 100 && status <= 599 ? status : 0
}
