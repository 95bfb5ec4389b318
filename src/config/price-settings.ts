import { UNIT_PRICING, UNIT_SETTINGS } from '../usage/unit-pricing.ts'
import type { Section } from './setting.ts'

/** A rate. A negative one means not set. */
function rate(doc: string) {
  return { kind: 'float', default: -1, unit: 'USD per million tokens', doc } as const
}

/** A price of something other than tokens. A negative one means not set. */
function price(unit: string, doc: string) {
  return { kind: 'float', default: -1, unit, doc } as const
}

/** Rates by kind of token. */
export const RATES = {
  input: rate('Uncached input.'),
  cache_read: rate('Input read from cache.'),
  cache_write: rate('Input written to cache for the default time (five minutes at Anthropic).'),
  cache_write_30m: rate('Input written to cache for thirty minutes.'),
  cache_write_1h: rate('Input written to cache for one hour.'),
  cache_write_12h: rate('Input written to cache for twelve hours.'),
  cache_read_audio: rate('Audio input read from cache.'),
  cache_read_image: rate('Image input read from cache.'),
  input_audio: rate('Audio input.'),
  input_image: rate('Image input.'),
  input_video: rate('Video input.'),
  output: rate('Output. Includes reasoning, unless that has its own rate.'),
  reasoning: rate('Reasoning output.'),
  output_audio: rate('Audio output.'),
  output_image: rate('Image output.'),
} as const

/** Prices of calls that are not billed by token. */
export const UNIT_PRICES: Section = {
  kind: 'section',
  type: 'config.UnitPricesConfig',
  doc: 'Prices of calls that are not billed by token. A negative one means not set.',
  fields: Object.fromEntries(
    UNIT_SETTINGS.map(({ unit, setting, pricedBy }) => [setting, price(pricedBy, UNIT_PRICING[unit].doc)]),
  ),
}

/** One price that the operator sets. */
export const PRICE = {
  org_id: { kind: 'string', default: '', doc: 'Organization it applies to. Empty means all.' },
  workspace_id: { kind: 'string', default: '', doc: 'Workspace it applies to. Empty means all.' },
  key_id: { kind: 'string', default: '', doc: 'Id of the gateway key it applies to. Empty means all.' },
  model: { kind: 'string', default: '', doc: 'Exact model name, or a prefix followed by *.' },
  from: {
    kind: 'string',
    default: '',
    doc: 'First day it applies (YYYY-MM-DD, UTC). Empty means always.',
  },
  to: { kind: 'string', default: '', doc: 'Last day it applies (YYYY-MM-DD, UTC). Empty means without end.' },
  free: { kind: 'bool', default: false, doc: 'true for models that cost nothing.' },
  discount: {
    kind: 'float',
    default: 0,
    doc: 'Share taken off the list prices, such as 0.15 for 15 %. A negative one is a surcharge. Own rates beside it are not discounted.',
  },
  ...RATES,
  brackets: {
    kind: 'list',
    doc: 'Other rates for long input. The highest bracket that the whole input exceeds applies. Rates that a bracket does not set stay.',
    item: {
      kind: 'section',
      type: 'config.PriceBracketConfig',
      doc: 'One bracket.',
      fields: {
        above: {
          kind: 'int',
          default: 0,
          unit: 'tokens',
          doc: 'It applies to requests with more input tokens than this. 32000 or more.',
        },
        ...RATES,
      },
    },
  },
  units: UNIT_PRICES,
  tiers: {
    kind: 'list',
    doc: 'Own prices of service tiers. Without them, those of the provider apply.',
    item: {
      kind: 'section',
      type: 'config.PriceTierConfig',
      doc: 'One tier.',
      fields: {
        name: { kind: 'string', default: '', doc: 'batch, flex, priority or fast.' },
        factor: {
          kind: 'float',
          default: -1,
          doc: 'Factor on the rates, with at most three decimals. Negative means not set: the tier has its own rates.',
        },
        ...RATES,
      },
    },
  },
} as const
