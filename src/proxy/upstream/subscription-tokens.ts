import type { DialectName } from '../../providers/dialects/dialects.ts'
import { saysSubscription } from '../../traces/paid-by-subscription.ts'
import {
  type SubscriptionRule,
  type TokenTaker,
  checksTokens,
  subscriptionRule,
} from '../../traces/subscription-token.ts'

/** Most tokens that are remembered; the oldest are dropped. */
const MAX_TOKENS = 10_000

/** How long a token counts as billed after a response that said so: a plan that was used up starts again. */
const BILLED_MS = 15 * 60_000

/** What a response said about a token. */
interface Verdict {
  readonly subscription: boolean
  readonly atMs: number
}

/**
 * Who pays for the requests to one provider, as far as is known before their responses. The shape of the token and the last response to it
 * decide. Tokens are kept as hashes.
 */
export class SubscriptionTokens {
  readonly #rule: SubscriptionRule
  readonly #dialect: DialectName
  readonly #checked: boolean
  readonly #verdicts = new Map<string, Verdict>()

  /** @param gatewayKeyField lower-case name of the field that is not sent */
  constructor(provider: TokenTaker, gatewayKeyField: string) {
    this.#rule = subscriptionRule(provider, gatewayKeyField)
    this.#dialect = provider.api
    this.#checked = checksTokens(provider)
  }

  /** Whether a subscription is to pay for a request. @param fields lower-case names */
  pays(fields: Readonly<Record<string, string>>, queryKey: string, nowMs: number): boolean {
    const token = this.#rule(fields, queryKey)
    if (token === '') return false
    const verdict = this.#verdicts.get(Bun.SHA256.hash(token, 'base64'))
    if (!verdict || (!verdict.subscription && nowMs - verdict.atMs > BILLED_MS)) return this.#checked
    return verdict.subscription
  }

  /** Takes note of a response, whose fields have lower-case names. */
  responded(
    fields: Readonly<Record<string, string>>,
    queryKey: string,
    response: {
      readonly status: number
      readonly fields: Readonly<Record<string, string | readonly string[]>>
    },
    nowMs: number,
  ): void {
    const subscription = saysSubscription(this.#dialect, response.status, response.fields)
    if (subscription === undefined) return
    const token = this.#rule(fields, queryKey)
    if (token === '') return
    const hash = Bun.SHA256.hash(token, 'base64')
    this.#verdicts.delete(hash)
    this.#verdicts.set(hash, { subscription, atMs: nowMs })
    if (this.#verdicts.size > MAX_TOKENS) this.#verdicts.delete(this.#verdicts.keys().next().value!)
  }
}
