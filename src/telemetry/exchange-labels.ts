import type { Exchange } from '../traces/exchange.ts'
import type { Trace } from '../traces/trace.ts'
import { LabelValues } from './labels.ts'

/** Most distinct values of a label. */
const MAX_MODELS = 200
const MAX_TENANTS = 500
const MAX_PROVIDERS = 100
const MAX_ERRORS = 100

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
  readonly #targets = new LabelValues(MAX_MODELS)
  readonly #errors = new LabelValues(MAX_ERRORS)

  /** The target of an attempt; the provider alone where the request went as it came. */
  target(name: string): string {
    return this.#targets.of(name)
  }

  /** What an exchange failed with. */
  error(trace: Trace): string {
    return this.#errors.of(errorTypeOf(trace))
  }

  /** A model gets its own label once a provider has responded for it. Names that only requests use are `other`. */
  scope(
    exchange: Pick<Exchange, 'caller' | 'route'>,
    {
      provider,
      model,
      responseStatus,
      totalTokens,
    }: Pick<Trace, 'provider' | 'model' | 'responseStatus' | 'totalTokens'>,
  ): ScopeLabels {
    const responded = responseStatus >= 200 && responseStatus < 300 && totalTokens > 0
    // Without gateway keys there are no tenants.
    const { keyId, organizationId, workspaceId } = exchange.caller
    const known = keyId !== '' || organizationId !== 'default' || workspaceId !== 'default'
    return {
      provider: this.#providers.of(provider),
      model: model === 'unknown' ? 'unknown' : this.#models.of(model, responded),
      org_id: this.#organizations.of(known ? organizationId : ''),
      workspace_id: this.#workspaces.of(known ? workspaceId : ''),
      route: exchange.route,
    }
  }
}

/** The provider's name of a failure is used if it is a code, not a sentence. */
const CODE = /^[\w.:-]{1,64}$/

/** What an exchange failed with, as `error.type`: the provider's code for a failure inside its response, else the gateway's, else the status. */
export function errorTypeOf({ errorCode, providerError, responseStatus }: Trace): string {
  if (errorCode === 'upstream_error' && CODE.test(providerError)) return providerError
  return errorCode || String(statusLabel(responseStatus))
}

/** A status as a label: only those that HTTP has. */
export function statusLabel(status: number): number {
  return status >= 100 && status <= 599 ? status : 0
}
