import type { ExchangeFacts } from '../exchange/exchange-facts.ts'
import type { ContentPolicy } from './content-policy.ts'
import { priceGate, type HasPrice } from './price-gate.ts'
import { RedactionPolicy, redactionTerms } from './redaction.ts'
import type { RedactionPorts } from './redaction-run.ts'
import { mayInject, UsageInjection } from './usage-injection.ts'

/** Which content policies the settings switch on. Redaction has settings of its own. */
export interface PolicySettings {
  /** Chat streams are made to report their usage. */
  readonly injectStreamUsage: boolean
  /** Refuses a model without a price; absent when any model may pass. */
  readonly hasPrice?: HasPrice
}

const NONE: readonly ContentPolicy[] = []

/**
 * The policies that see an exchange's content, in the order in which a request passes them. Its response passes them the other way round.
 *
 * @param ports what redaction needs; absent while no policy looks for personal data
 */
export function choosePolicies(
  facts: ExchangeFacts,
  { hasPrice, injectStreamUsage }: PolicySettings,
  ports: RedactionPorts | undefined,
): readonly ContentPolicy[] {
  const gate = hasPrice && priceGate(facts, hasPrice)
  const terms = ports && redactionTerms(facts, ports.inspector.redaction)
  const injects = injectStreamUsage && mayInject(facts)
  if (!gate && !terms && !injects) return NONE
  const policies: ContentPolicy[] = []
  if (gate) policies.push(gate)
  if (ports && terms) policies.push(new RedactionPolicy(facts, terms, ports))
  if (injects) policies.push(new UsageInjection())
  return policies
}
