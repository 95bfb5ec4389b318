import { UNITS, type Unit } from './usage.ts'

/** How one unit is priced, in lists and by own prices. */
interface UnitPricing {
  /** Name of its price in `Config`; settings and columns have it in snake_case. */
  readonly name: string
  /** Key of its price in a list. */
  readonly key: string
  /** How many units a price is for. */
  readonly per: keyof typeof COUNTS
  readonly doc: string
}

/** How CSV columns and settings say what a price is for. */
const COUNTS = {
  1: ['', 'USD for one'],
  1000: ['_1000', 'USD per 1,000'],
  3600: ['', 'USD per hour'],
  1_000_000: ['_million', 'USD per million'],
} as const

/** Every unit, and the only definition of its pricing. */
export const UNIT_PRICING = {
  web_searches: { name: 'webSearches', key: 'web_searches_kcount', per: 1000, doc: 'Web searches.' },
  web_search_previews: {
    name: 'webSearchPreviews',
    key: 'web_search_previews_kcount',
    per: 1000,
    doc: "Calls of OpenAI's preview of the web search, and answers of its search models.",
  },
  grounded_prompts: {
    name: 'groundedPrompts',
    key: 'grounded_prompts_kcount',
    per: 1000,
    doc: 'Answers of Gemini that rest on Google Search.',
  },
  maps_prompts: {
    name: 'mapsPrompts',
    key: 'maps_prompts_kcount',
    per: 1000,
    doc: 'Answers of Gemini that rest on Google Maps.',
  },
  x_searches: { name: 'xSearches', key: 'x_searches_kcount', per: 1000, doc: 'Searches in X.' },
  code_runs: { name: 'codeRuns', key: 'code_runs_kcount', per: 1000, doc: 'Runs of code at xAI.' },
  file_searches: {
    name: 'fileSearches',
    key: 'storage_searches_kcount',
    per: 1000,
    doc: 'Searches in stored files.',
  },
  containers: {
    name: 'containers',
    key: 'containers_count',
    per: 1,
    doc: "Sandboxes in which the model's code ran.",
  },
  cached_token_hours: {
    name: 'cachedTokenHours',
    key: 'cached_token_mhours',
    per: 1_000_000,
    doc: 'Tokens that Gemini keeps in a cache, times hours.',
  },
  search_units: {
    name: 'searchUnits',
    key: 'search_units_kcount',
    per: 1000,
    doc: 'Search units of rerank.',
  },
  requests: {
    name: 'requests',
    key: 'requests_kcount',
    per: 1000,
    doc: 'Fee for each request, beside its tokens.',
  },
  text_messages: {
    name: 'textMessages',
    key: 'input_text_messages_kcount',
    per: 1000,
    doc: 'Text messages of a voice session.',
  },
  images: { name: 'images', key: 'images_count', per: 1, doc: 'Images that are made.' },
  pages: { name: 'pages', key: 'input_document_kpages', per: 1000, doc: 'Pages that are read.' },
  audio_seconds: {
    name: 'audioHours',
    key: 'input_audio_hours',
    per: 3600,
    doc: 'Audio that is billed by its length.',
  },
  billable_characters: {
    name: 'characters',
    key: 'characters_mcount',
    per: 1_000_000,
    doc: 'Characters of speech.',
  },
} as const satisfies Readonly<Record<Unit, UnitPricing>>

/** Name of a unit's price in `Config`. */
export type UnitPriceName = (typeof UNIT_PRICING)[Unit]['name']

/** How a setting and a column describe a unit's price. */
export interface UnitSetting {
  readonly unit: Unit
  /** Under `pricing.overrides[].units`: `audio_hours`. */
  readonly setting: string
  /** In a price list in CSV: `web_searches_1000`. */
  readonly column: string
  /** What the price is for: `USD per 1,000`. */
  readonly pricedBy: string
}

/** The same of every unit, in the order of `UNITS`. */
export const UNIT_SETTINGS: readonly UnitSetting[] = UNITS.map((unit) => {
  const { name, per } = UNIT_PRICING[unit]
  const setting = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const [ending, pricedBy] = COUNTS[per]
  return { unit, setting, column: `${setting}${ending}`, pricedBy }
})
