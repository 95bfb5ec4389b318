import type { Unit } from './usage.ts'

/** What a provider charges for `per` units of a tool or a service, in USD. */
interface Price {
  readonly usd: number
  readonly per: number
  /** Why the figure is not certain; absent when it is. */
  readonly note?: string
}

/** The provider counts another unit instead, and charges nothing for this one. */
interface CountedBy {
  readonly countedBy: Unit
}

/** Units that are billed in addition to tokens. The others are billed instead. */
export const FEES: readonly Unit[] = [
  'web_searches',
  'web_search_previews',
  'grounded_prompts',
  'maps_prompts',
  'x_searches',
  'code_runs',
  'file_searches',
  'containers',
  'cached_token_hours',
  'requests',
  'text_messages',
]

type FeeRule = (Price | CountedBy) & {
  readonly vendor: string
  readonly unit: Unit
  /** Models that it applies to. Absent for all. The first match wins. */
  readonly models?: RegExp
  readonly source: string
}

const OPENAI = 'developers.openai.com/api/docs/pricing, 2026-11'
const ANTHROPIC = 'platform.claude.com/docs/en/about-claude/pricing, 2026-10'
const GEMINI = 'ai.google.dev/gemini-api/docs/pricing and /google-search#pricing, 2026-09-23'
const XAI = 'docs.x.ai/developers/pricing, 2026'

const GEMINI_3 = /gemini-(?:[3-9]|\d\d)/
const GEMINI_2 = /gemini-[12]/

const SEARCHES_FREE = 'the first 5,000 searches of a month are free; all were counted'
const PROMPTS_FREE = 'the first 1,500 grounded prompts of a day are free; all were counted'
const STORAGE = 'storage was counted until the cache expires; deleted earlier, it costs less'

/** Fees that the bundled list does not have. If the list has one, the list wins. */
const RULES: readonly FeeRule[] = [
  {
    vendor: 'openai',
    unit: 'web_searches',
    models: /^gpt-(?:4o|4\.1)-mini/,
    usd: 10,
    per: 1000,
    note: 'what a search found is billed as 8,000 tokens of input, which the answer may not report',
    source: OPENAI,
  },
  { vendor: 'openai', unit: 'web_searches', usd: 10, per: 1000, source: OPENAI },
  {
    vendor: 'openai',
    unit: 'web_search_previews',
    models: /-search-preview/,
    usd: 25,
    per: 1000,
    note: 'the fee of a search model was counted once for an answer; it may depend on the search context',
    source: OPENAI,
  },
  // Models without reasoning pay more, and nothing for the search content.
  {
    vendor: 'openai',
    unit: 'web_search_previews',
    models: /^(?:gpt-[34]|chatgpt-4)/,
    usd: 25,
    per: 1000,
    source: OPENAI,
  },
  { vendor: 'openai', unit: 'web_search_previews', usd: 10, per: 1000, source: OPENAI },
  { vendor: 'openai', unit: 'file_searches', usd: 2.5, per: 1000, source: OPENAI },
  {
    vendor: 'openai',
    unit: 'containers',
    usd: 0.03,
    per: 1,
    note: 'a container of 1 GB for 20 minutes was counted; its size, and whether it was paid before, are not reported',
    source: OPENAI,
  },
  { vendor: 'anthropic', unit: 'web_searches', usd: 10, per: 1000, source: ANTHROPIC },
  {
    vendor: 'anthropic',
    unit: 'containers',
    // 0.05 USD an hour, with a minimum of five minutes.
    usd: 0.05,
    per: 12,
    note: 'five minutes of code execution were counted; 1,550 hours of a month are free',
    source: ANTHROPIC,
  },
  // Gemini 3 is billed by the query, earlier models by the prompt.
  {
    vendor: 'google',
    unit: 'web_searches',
    models: GEMINI_3,
    usd: 14,
    per: 1000,
    note: SEARCHES_FREE,
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'web_searches',
    models: GEMINI_2,
    countedBy: 'grounded_prompts',
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'grounded_prompts',
    models: GEMINI_3,
    countedBy: 'web_searches',
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'grounded_prompts',
    models: GEMINI_2,
    usd: 35,
    per: 1000,
    note: PROMPTS_FREE,
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'maps_prompts',
    models: GEMINI_3,
    usd: 14,
    per: 1000,
    note: SEARCHES_FREE,
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'maps_prompts',
    models: GEMINI_2,
    usd: 25,
    per: 1000,
    note: PROMPTS_FREE,
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'cached_token_hours',
    models: /gemini-(?:2\.5|3|3\.1)-pro/,
    usd: 4.5,
    per: 1_000_000,
    note: STORAGE,
    source: GEMINI,
  },
  {
    vendor: 'google',
    unit: 'cached_token_hours',
    models: /gemini-(?:2\.5|3|3\.1|3\.5|3\.6)-flash/,
    usd: 1,
    per: 1_000_000,
    note: STORAGE,
    source: GEMINI,
  },
  { vendor: 'x-ai', unit: 'web_searches', usd: 5, per: 1000, source: XAI },
  { vendor: 'x-ai', unit: 'x_searches', usd: 5, per: 1000, source: XAI },
  { vendor: 'x-ai', unit: 'code_runs', usd: 5, per: 1000, source: XAI },
  { vendor: 'x-ai', unit: 'file_searches', usd: 2.5, per: 1000, source: XAI },
]

/**
 * The fee of a vendor for one unit, given a model's name.
 *
 * @returns `undefined` where no fee is known, which is not free
 */
export function feeOf(vendor: string, model: string, unit: Unit): Price | CountedBy | undefined {
  const name = model.toLowerCase()
  return RULES.find(
    (rule) => rule.vendor === vendor && rule.unit === unit && (rule.models?.test(name) ?? true),
  )
}
