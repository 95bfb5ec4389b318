/** A model that its provider declares free. */
interface FreeModel {
  /** The bundled list's name for the provider. */
  readonly vendor: string
  readonly model: RegExp
  /** Platforms of the same vendor where it is billed, by the provider's name or its URL. */
  readonly billedAt?: RegExp
  readonly source: string
}

/** A model without a price in a list is not free. It is free only if its provider says so. */
const FREE_MODELS: readonly FreeModel[] = [
  { vendor: 'openrouter', model: /:free$/, source: 'openrouter.ai/docs/faq, 2026-11' },
  {
    vendor: 'google',
    model: /^(?:models\/)?gemma-(?:3n?|4)(?:-|$)/,
    billedAt: /vertex|aiplatform/i,
    source: 'ai.google.dev/gemini-api/docs/pricing, 2026-09-23',
  },
]

/**
 * Whether a provider says that it charges nothing for a model.
 *
 * @param vendor the bundled list's name for the provider
 * @param provider its name in the configuration
 */
export function isStatedFree(vendor: string, model: string, provider: string, upstreamUrl: string): boolean {
  return FREE_MODELS.some(
    (free) =>
      free.vendor === vendor &&
      free.model.test(model.toLowerCase()) &&
      !(free.billedAt?.test(provider) || free.billedAt?.test(upstreamUrl)),
  )
}
