import type { Bucket } from './usage.ts'

/** A price that a provider publishes as a multiple of another one, for models whose list has no number for it. */
export interface RateRule {
  /** As receipts show it. */
  readonly name: string
  /** The lists' names of the providers. */
  readonly vendors: readonly string[]
  /** The lists' names of the models. */
  readonly models: RegExp
  readonly buckets: readonly Bucket[]
  /** The price it follows from, by its key in a list. */
  readonly from: string
  readonly factor: number
  /** Where the provider says so, and when that was read. */
  readonly source: string
}

/** Who sells Anthropic's models at Anthropic's multiples. */
const CLAUDE_VENDORS: readonly string[] = ['anthropic', 'aws', 'google', 'azure']

/** Anthropic's models that have a cache, under the names that its resellers give them. */
const CLAUDE = /(^|\.)claude-(?!2|v1|instant)/

/** Those without Haiku 3, whose rates are rounded. */
const CLAUDE_EXACT = /(^|\.)claude-(?!2|v1|instant|3-haiku)/

/** Models whose cache reads cost a tenth of the input. Later releases have cheaper reads, without a rule. */
const CLAUDE_READ_AT_A_TENTH =
  /(^|\.)claude-(3-(?!haiku)|(opus|sonnet|haiku)-4|4-(opus|sonnet)|(opus|sonnet|haiku|fable)-5(?!-\d(?!\d)))/

const ANTHROPIC_CACHE =
  'https://platform.claude.com/docs/en/build-with-claude/prompt-caching and https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (2026-09-28)'

const OPENAI_CACHE = 'https://developers.openai.com/api/docs/guides/prompt-caching (2026-06)'

const OPENAI_PRICES = 'https://developers.openai.com/api/docs/pricing (2026-11)'

const GEMINI_PRICES = 'https://ai.google.dev/gemini-api/docs/pricing (2026-07-04)'

/** Gemini models that read and write text; others have a price for each kind of content. */
const GEMINI_TEXT = /^gemini-\d+(\.\d+)?-(pro|flash|flash-lite)(?!.*-(live|image|tts))/

/** The rules, in the order in which they are tried. The list's own rate always comes first. */
export const RATE_RULES: readonly RateRule[] = [
  {
    name: 'anthropic-cache-write-1h',
    vendors: CLAUDE_VENDORS,
    models: CLAUDE,
    buckets: ['cache_write_1h'],
    from: 'input_mtok',
    factor: 2,
    source: ANTHROPIC_CACHE,
  },
  {
    name: 'anthropic-cache-write-5m',
    vendors: CLAUDE_VENDORS,
    models: CLAUDE_EXACT,
    buckets: ['cache_write', 'cache_write_5m'],
    from: 'input_mtok',
    factor: 1.25,
    source: ANTHROPIC_CACHE,
  },
  {
    name: 'anthropic-cache-read',
    vendors: CLAUDE_VENDORS,
    models: CLAUDE_READ_AT_A_TENTH,
    buckets: ['cache_read'],
    from: 'input_mtok',
    factor: 0.1,
    source: ANTHROPIC_CACHE,
  },
  {
    name: 'openai-fine-tuned-cache-read',
    vendors: ['openai'],
    models: /^ft:gpt-4o/,
    buckets: ['cache_read'],
    from: 'input_mtok',
    factor: 0.5,
    source: 'https://openai.com/index/api-prompt-caching/ (2024-10-01), and the price page (2026-11)',
  },
  {
    name: 'openai-cache-write-any-lifetime',
    vendors: ['openai'],
    models: /^gpt-(5\.[6-9]|[6-9])/,
    buckets: ['cache_write_30m', 'cache_write_12h'],
    from: 'cache_write_mtok',
    factor: 1,
    source: `${OPENAI_CACHE}: from GPT-5.6 on a write costs 1.25 times the input, without regard to its lifetime`,
  },
  {
    name: 'openai-cache-write-is-input',
    vendors: ['openai', 'azure'],
    models: /^(?!gpt-(5\.[6-9]|[6-9]))(gpt-|o\d|chatgpt-|ft:)/,
    buckets: ['cache_write', 'cache_write_5m', 'cache_write_30m', 'cache_write_12h'],
    from: 'input_mtok',
    factor: 1,
    source: `${OPENAI_CACHE}: before GPT-5.6 a write costs no more than the input`,
  },
  {
    name: 'openai-image-is-text',
    vendors: ['openai'],
    models: /^(gpt-(4\.1|4o|4\.5|5|6)|o\d|chatgpt-)(?!.*(image|audio|realtime|transcribe|tts))/,
    buckets: ['input_image'],
    from: 'input_mtok',
    factor: 1,
    source:
      'https://openai.com/api/pricing/, questions (2025): text models price image tokens at their text rates; image and realtime models do not',
  },
  {
    name: 'openai-output-is-images',
    vendors: ['openai'],
    models: /^gpt-image-(1|1-mini|2)$/,
    buckets: ['output_image'],
    from: 'output_mtok',
    factor: 1,
    source: `${OPENAI_PRICES}, https://community.openai.com/t/1371851 (2026): the output of these models is image tokens`,
  },
  {
    name: 'speech-output-is-audio',
    vendors: ['openai', 'google'],
    models: /^(gpt-4o-mini|gemini-\d.*)-tts$/,
    buckets: ['output_audio'],
    from: 'output_mtok',
    factor: 1,
    source: `https://community.openai.com/t/1151816 (2025), ${GEMINI_PRICES}: the output price of speech models is that of audio tokens`,
  },
  {
    name: 'gemini-image-and-video-are-text',
    vendors: ['google'],
    models: GEMINI_TEXT,
    buckets: ['input_image', 'input_video'],
    from: 'input_mtok',
    factor: 1,
    source: `${GEMINI_PRICES}: one price for text, image and video`,
  },
  {
    name: 'gemini-cached-image-is-text',
    vendors: ['google'],
    models: GEMINI_TEXT,
    buckets: ['cache_read_image'],
    from: 'cache_read_mtok',
    factor: 1,
    source: `${GEMINI_PRICES}: one price for cached text, image and video`,
  },
  {
    name: 'gemini-pro-audio-is-text',
    vendors: ['google'],
    models: /^gemini-(2\.5|3|3\.1)-pro(-preview)?$/,
    buckets: ['input_audio'],
    from: 'input_mtok',
    factor: 1,
    source: `${GEMINI_PRICES}: the Pro models have one price for all input`,
  },
  {
    name: 'gemini-pro-cached-audio-is-text',
    vendors: ['google'],
    models: /^gemini-(2\.5|3|3\.1)-pro(-preview)?$/,
    buckets: ['cache_read_audio'],
    from: 'cache_read_mtok',
    factor: 1,
    source: `${GEMINI_PRICES}: the Pro models have one price for all that is cached`,
  },
  reasoning('openai', /./, 'https://developers.openai.com/api/docs/guides/reasoning (2026)'),
  reasoning(
    'azure',
    /^(o\d|gpt-)/,
    'https://learn.microsoft.com/azure/foundry/openai/how-to/reasoning (2026)',
  ),
  reasoning(
    'anthropic',
    CLAUDE,
    'https://platform.claude.com/docs/en/build-with-claude/context-windows (2026)',
  ),
  reasoning(
    'aws',
    CLAUDE,
    'https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html (2026)',
  ),
  reasoning('google', /./, `${GEMINI_PRICES}: the output price includes thinking tokens`),
  // Perplexity's models have their own rate for it.
  reasoning(
    'openrouter',
    /^(?!perplexity\/)/,
    'https://openrouter.ai/docs/use-cases/reasoning-tokens (2026)',
  ),
  reasoning('deepseek', /./, 'https://api-docs.deepseek.com/quick_start/pricing, note 6 (2025-02)'),
  reasoning('fireworks', /./, 'https://docs.fireworks.ai/faq-new/models-inference/what-is-a-token (2026)'),
  reasoning('x-ai', /./, 'the charge in the answers themselves (cost_in_usd_ticks, 2026-11)'),
]

/** Reasoning is billed as output if the provider says so. Some charge another rate. */
function reasoning(vendor: string, models: RegExp, source: string): RateRule {
  return {
    name: 'reasoning-is-output',
    vendors: [vendor],
    models,
    buckets: ['reasoning'],
    from: 'output_mtok',
    factor: 1,
    source,
  }
}

/** Whether a rule applies to a model. */
export function ruleApplies({ vendors, models }: RateRule, vendor: string, model: string): boolean {
  return vendors.includes(vendor) && models.test(model)
}
