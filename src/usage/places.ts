import { LIST_PRICE, type PriceFactor } from './price-factor.ts'

/** What decides how the place changes the list price. */
export interface PlaceFacts {
  /** Provider of the price list. */
  readonly vendor: string
  /** The list's name for the model. */
  readonly model: string
  /** As `placeOf` reads it. Empty or absent if the address names none. */
  readonly place?: string | undefined
  /** When the exchange began, epoch milliseconds. */
  readonly at?: number | undefined
}

/** Geographies that stand before the name of a Bedrock model, as its inference profiles have them. */
const PROFILE = /^(global|us-gov|us|eu|apac|jp|au|ca|sa|in|uk|me|af)\./
const BEDROCK_MODEL = /\/model\/(.+)\/[a-z-]+\/?$/i
const BEDROCK_ARN = /^arn:aws[a-z-]*:bedrock:([a-z0-9-]+):/
const VERTEX_LOCATION = /\/locations\/([a-z0-9-]+)\//i
const HOSTS = [
  /(?:^|\.)bedrock-(?:runtime(?:-fips)?|mantle)\.([a-z0-9-]+)\./,
  /^([a-z0-9-]+)-aiplatform\.googleapis\.com(?::|$)/,
  /^aiplatform\.([a-z0-9-]+)\.rep\.googleapis\.com(?::|$)/,
  /^([a-z]{2})\.api\.openai\.com(?::|$)/,
  /^([a-z0-9-]+)\.api\.x\.ai(?::|$)/,
]

/**
 * Where an exchange ran, according to its address: `global`, a geography (`us`, `eu`) or a region (`us-east5`).
 *
 * The path says more than the host: a Bedrock inference profile or a Vertex AI location.
 *
 * @param path as the client sent it, without query
 * @param host the upstream's, with or without port
 * @returns an empty text if the address names no place
 */
export function placeOf(path: string, host: string): string {
  const model = BEDROCK_MODEL.exec(path)?.[1]
  if (model !== undefined) {
    const name = decoded(model)
    const inPath = PROFILE.exec(name.replace(/^.*\//, ''))?.[1] ?? BEDROCK_ARN.exec(name)?.[1]
    if (inPath !== undefined) return inPath
  }
  const location = VERTEX_LOCATION.exec(path)?.[1]
  if (location !== undefined) return location.toLowerCase()
  const name = host.toLowerCase()
  for (const pattern of HOSTS) {
    const place = pattern.exec(name)?.[1]
    if (place !== undefined) return place
  }
  return ''
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const TENTH_MORE: PriceFactor = { permille: 1100 }

/** How the place changes the list price. Each rule names its source. */
export function placePrice(facts: PlaceFacts): PriceFactor {
  if (!facts.place || facts.place === 'global') return LIST_PRICE
  switch (facts.vendor) {
    case 'openai':
      return openAIPlace(facts.model, facts.place)
    // Claude at Vertex AI is in Google's list or in Anthropic's.
    case 'anthropic':
    case 'google':
      if (CLAUDE_BY_PLACE.test(facts.model)) return TENTH_MORE
      return vertexPlace(facts.model, facts.at ?? Number.POSITIVE_INFINITY)
    case 'aws':
      return bedrockPlace(facts.model, facts.place)
    case 'x-ai':
      return xaiPlace(facts.place)
    default:
      return LIST_PRICE
  }
}

/**
 * Claude at Vertex AI: regions and multi-regions cost a tenth more from Sonnet 4.5, Haiku 4.5 and Opus 4.5 on; older models
 * do not (platform.claude.com/docs/en/about-claude/pricing, 2026-10).
 */
const CLAUDE_BY_PLACE = /^claude-(?:(?:opus|sonnet|haiku)-4-[5-9]|[a-z]+-[5-9])/

/**
 * OpenAI's regional hosts: a tenth more for models released since 2026-03-05, which began with gpt-5.4
 * (developers.openai.com/api/docs/pricing, 2026-11).
 */
const OPENAI_BEFORE =
  /^(?:(?:gpt-3|gpt-4|gpt-5(?!\.[4-9]))|chatgpt|o\d|text-|tts-|whisper|dall-e|omni-moderation|davinci|babbage|computer-use|codex-mini|gpt-image-1|gpt-audio(?!-\d)|gpt-realtime(?!-[2-9]))/
const OPENAI_SINCE = /^gpt-(?:5\.[4-9]|[6-9])/
/** Regions that also process; the others only store, and the price page does not tell the two apart. */
const OPENAI_PROCESSING = ['us', 'eu']

function openAIPlace(model: string, place: string): PriceFactor {
  if (OPENAI_BEFORE.test(model)) return LIST_PRICE
  if (OPENAI_SINCE.test(model) && OPENAI_PROCESSING.includes(place)) return TENTH_MORE
  return { permille: 1100, note: `whether ${place} adds a tenth for ${model} is not certain; it was added` }
}

/**
 * Gemini at Vertex AI: "non-global" prices a tenth above the global ones for generally available models of Gemini 3 and later,
 * since 2026-07-01 (cloud.google.com/vertex-ai/generative-ai/pricing, 2026-07-31).
 */
const GEMINI_BY_PLACE_SINCE = Date.parse('2026-07-01T00:00:00Z')

function vertexPlace(model: string, at: number): PriceFactor {
  const generation = Number(/^gemini-(\d+)/.exec(model)?.[1] ?? 0)
  if (generation < 3 || at < GEMINI_BY_PLACE_SINCE) return LIST_PRICE
  if (!/preview|exp/.test(model)) return TENTH_MORE
  return {
    permille: 1000,
    note: `the price of the preview ${model} outside the global endpoint is not known`,
  }
}

/** Regions whose prices the bundled list has. */
const BEDROCK_LISTED = ['us', 'us-east-1', 'us-east-2', 'us-west-2']

/**
 * Bedrock: the list has Claude's global and regional prices by the names of the profiles. Other models are priced by
 * region, and the list has those of the United States (aws.amazon.com/bedrock/pricing, 2026-10).
 */
function bedrockPlace(model: string, place: string): PriceFactor {
  const known = model.includes('anthropic.') && !place.startsWith('us-gov')
  if (known || BEDROCK_LISTED.includes(place)) return LIST_PRICE
  return { permille: 1000, note: `the price of ${model} in ${place} may differ from the listed one` }
}

/**
 * xAI: tokens at the endpoint of the United States cost a tenth more (docs.x.ai/developers/pricing and
 * /advanced-api-usage/regions, read 2026-11-30). Those of other regions are no longer documented.
 */
function xaiPlace(place: string): PriceFactor {
  if (place === 'us') return TENTH_MORE
  return { permille: 1000, note: `the price at xAI's endpoint in ${place} is not known` }
}
