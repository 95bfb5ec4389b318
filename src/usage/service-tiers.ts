import { placePrice, type PlaceFacts } from './places.ts'
import { LIST_PRICE, type PriceFactor } from './price-factor.ts'

/** What decides the factor: the tier that the response (not the request) names, and the place that the address names. */
export interface TierFacts extends PlaceFacts {
  readonly serviceTier?: string | undefined
  /** Anthropic: `fast` or `standard`. */
  readonly speed?: string | undefined
  /** Anthropic: where inference ran. */
  readonly inferenceGeo?: string | undefined
  readonly inputTokens: number
}

/** Names of the list price. */
const STANDARD = ['default', 'standard', 'auto', 'on_demand', 'global', 'standard_only', 'reserved']

/**
 * Multiples of the list price under OpenAI's priority processing, as the catalogue models.dev had them on 2026-09-25.
 * Long context is not sold at priority: above its bracket the list price applies.
 */
const OPENAI_PRIORITY: readonly (readonly [RegExp, number])[] = [
  [/^gpt-5\.5(-\d{4}-\d{2}-\d{2})?$/, 2500],
  [/^gpt-(5\.4(-mini)?|5\.6(-(sol|luna|terra))?|6-(sol|luna|astra))(-\d{4}-\d{2}-\d{2})?$/, 2000],
]
const OPENAI_LONG_CONTEXT = 272_000

/**
 * Multiples of the list price in Anthropic's fast mode (platform.claude.com/docs/en/about-claude/pricing, 2026-10; for Opus 4.6
 * and 4.7, which have lost it since, as of 2026-05).
 */
const ANTHROPIC_FAST: readonly (readonly [RegExp, number])[] = [
  [/^claude-opus-(4-8|5|5-5)(-\d{8})?$/, 2000],
  [/^claude-opus-4-[67](-\d{8})?$/, 6000],
]

/** Gemini's priority tier, all models, also at Vertex AI (ai.google.dev/gemini-api/docs/pricing, 2026-11). */
const GEMINI_PRIORITY: PriceFactor = { permille: 1800 }

/** Models that cost a tenth more where inference is kept in the United States (Anthropic's price page, 2026-02). */
const ANTHROPIC_GEO = /^claude-(opus-4-[6-9]|sonnet-4-[6-9]|(opus|sonnet|haiku|fable)-[5-9])/

/** The combined factor on the list price of a response. */
export function tierPrice(facts: TierFacts): PriceFactor {
  if (!facts.serviceTier && !facts.speed && !facts.inferenceGeo && !facts.place) return LIST_PRICE
  const factors = [byTier(facts), bySpeed(facts), byGeo(facts), placePrice(facts)]
  if (factors.every((factor) => factor === LIST_PRICE)) return LIST_PRICE
  const notes = factors.flatMap(({ note }) => (note === undefined ? [] : [note]))
  const permille = factors.reduce((product, factor) => (product * factor.permille) / 1000, 1000)
  return { permille, ...(notes.length > 0 ? { note: notes.join('; ') } : {}) }
}

function byTier(facts: TierFacts): PriceFactor {
  const tier = (facts.serviceTier ?? 'default').toLowerCase()
  if (STANDARD.includes(tier)) return LIST_PRICE
  switch (tier) {
    case 'batch':
      return half(facts.vendor, BATCH_AT_HALF, 'batch')
    case 'flex':
    case 'on_demand_flex':
      return flex(facts.vendor)
    case 'fast':
    case 'priority':
    case 'on_demand_priority':
      return priority(facts)
    case 'provisioned':
    case 'provisioned_throughput':
      return {
        permille: 1000,
        note: 'provisioned throughput is paid by the hour; this is what it would cost on demand',
      }
    default:
      return { permille: 1000, note: `no price for service tier ${tier}; the standard rate was used` }
  }
}

/**
 * Who says that batches of all models cost half, all read on 2026-11-30: developers.openai.com/api/docs/guides/flex-processing (flex
 * has the rates of batches) and dev.classmethod.jp/en/articles/openai-flex-processing (which are half);
 * learn.microsoft.com/azure/ai-foundry/openai/how-to/batch; ai.google.dev/gemini-api/docs/optimization; fireworks.ai/blog/batch-api.
 * Anthropic's batch page is told by neverpaytwice.pages.dev. Bedrock has it for many models; for Groq and Mistral no such page was found.
 */
const BATCH_AT_HALF = ['openai', 'azure', 'anthropic', 'google', 'fireworks']
/** The same of flex: OpenAI's and Google's pages above. */
const FLEX_AT_HALF = ['openai', 'google']

function flex(vendor: string): PriceFactor {
  // Groq's flex trades certainty for throughput, at the same price.
  if (vendor === 'groq') return LIST_PRICE
  // "a discount relative to the Standard tier" (aws.amazon.com/bedrock/service-tiers, 2025-11)
  return half(vendor, FLEX_AT_HALF, 'flex')
}

function half(vendor: string, sellers: readonly string[], tier: string): PriceFactor {
  if (sellers.includes(vendor)) return { permille: 500 }
  return {
    permille: 500,
    note: `the ${tier} price of ${vendor || 'this provider'} is not known for all models; half was used`,
  }
}

function priority({ vendor, model, inputTokens }: TierFacts): PriceFactor {
  if (vendor === 'openai') {
    const known = OPENAI_PRIORITY.find(([pattern]) => pattern.test(model))
    if (known) return { permille: inputTokens >= OPENAI_LONG_CONTEXT ? 1000 : known[1] }
  }
  if (vendor === 'google' && model.startsWith('gemini-')) return GEMINI_PRIORITY
  if (vendor === 'anthropic') {
    return { permille: 1000, note: 'priority capacity is paid by contract; this is its list price' }
  }
  return { permille: 2000, note: `the factor of service tier priority is not known for ${model}; 2 was used` }
}

function bySpeed({ vendor, model, speed }: TierFacts): PriceFactor {
  if (!speed || speed === 'standard') return LIST_PRICE
  const known = vendor === 'anthropic' ? ANTHROPIC_FAST.find(([pattern]) => pattern.test(model)) : undefined
  if (speed === 'fast' && known) return { permille: known[1] }
  return { permille: 2000, note: `the factor of speed ${speed} is not known for ${model}; 2 was used` }
}

function byGeo({ vendor, model, inferenceGeo }: TierFacts): PriceFactor {
  if (inferenceGeo !== 'us' || vendor !== 'anthropic' || !ANTHROPIC_GEO.test(model)) return LIST_PRICE
  return { permille: 1100 }
}
