import { DIALECTS } from './dialects.ts'
import type { Vendor } from './vendor.ts'

/** Vendors that speak another vendor's dialect, where others call them differently or their SDKs read a variable. */
const SPEAKERS: readonly Vendor[] = [
  { name: 'groq', sdk: { baseUrl: 'GROQ_BASE_URL' } },
  { name: 'perplexity', sdk: { baseUrl: 'PERPLEXITY_BASE_URL' } },
  { name: 'xai', telemetryName: 'x_ai' },
  // OpenAI's models, by another way of paying.
  { name: 'chatgpt', telemetryName: 'openai' },
]

const BY_NAME = new Map(
  [...DIALECTS.map(({ vendor }) => vendor), ...SPEAKERS].map((vendor) => [vendor.name, vendor]),
)

/** The vendor of a provider's name; `undefined` for one that needs no words of its own. */
export function vendorOf(provider: string): Vendor | undefined {
  return BY_NAME.get(provider)
}

/** Variables by which SDKs take further header fields, in the order of the dialects. */
export function headersVariables(): string[] {
  return DIALECTS.flatMap(({ vendor }) => vendor.sdk?.headers ?? [])
}

/** A provider's `gen_ai.provider.name`: the name in the GenAI conventions, else its own. */
export function telemetryNameOf(provider: string): string {
  return vendorOf(provider)?.telemetryName ?? provider
}
