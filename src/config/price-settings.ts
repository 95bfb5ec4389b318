import { UNIT_PRICING, UNIT_SETTINGS } from '../usage/unit-pricing.ts'
import type { Section } from './setting.ts'

/** A rate; a negative one means: not set. */
function rate(doc: string) {
  return { kind: 'float', default: -1, unit: 'USD per million tokens', doc } as const
}

/** A price of something other than tokens; a negative one means: not set. */
function price(unit: string, doc: string) {
  return { kind: 'float', default: -1, unit, doc } as const
}

/** Rates by what the tokens are. */
export const RATES = {
  input: rate('Uncached input.'),
  cache_read: rate('Input read from cache.'),
  cache_write: rate('Input written to cache for the usual time: five minutes at Anthropic.'),
  cache_write_30m: rate('Input written to cache for thirty minutes.'),
  cache_write_1h: rate('Input written to cache for an hour.'),
  cache_write_12h: rate('Input written to cache for twelve hours.'),
  cache_read_audio: rate('Audio input read from cache.'),
  cache_read_image: rate('Image input read from cache.'),
  input_audio: rate('Audio input.'),
  input_image: rate('Image input.'),
  input_video: rate('Video input.'),
  output: rate('Output; reasoning too, unless it has a rate of its own.'),
  reasoning: rate('Reasoning output.'),
  output_audio: rate('Audio output.'),
  output_image: rate('Image output.'),
} as const

/** Prices of what is not billed by the token. */
export const UNIT_PRICES: Section = {
  kind: 'section',
  type: 'config.UnitPricesConfig',
  doc: 'Prices of what is not billed by the token. A negative one means: not set.',
  fields: Object.fromEntries(
    UNIT_SETTINGS.map(({ unit, setting, pricedBy }) => [setting, price(pricedBy, UNIT_PRICING[unit].doc)]),
  ),
}

/** A price of the operator's own. */
export const PRICE = {
  org_id: { kind: 'string', default: '', doc: 'Organization it is for; empty means every one.' },
  workspace_id: { kind: 'string', default: '', doc: 'Workspace it is for; empty means every one.' },
  key_id: { kind: 'string', default: '', doc: 'Id of the gateway key it is for; empty means every one.' },
  model: { kind: 'string', default: '', doc: 'Exact model name, or a prefix followed by *.' },
  from: {
    kind: 'string',
    default: '',
    doc: 'First day it holds (YYYY-MM-DD, UTC); empty means always.',
  },
  to: { kind: 'string', default: '', doc: 'Last day it holds (YYYY-MM-DD, UTC); empty means for good.' },
  free: { kind: 'bool', default: false, doc: 'true for models that cost nothing.' },
  discount: {
    kind: 'float',
    default: 0,
    doc: 'Share that is taken off the prices of the lists, such as 0.15 for 15 %; a negative one is a surcharge. Own rates beside it hold as they are.',
  },
  ...RATES,
  brackets: {
    kind: 'list',
    doc: 'Other rates for long input: those of the highest bracket that the whole input exceeds. What a bracket does not set stays.',
    item: {
      kind: 'section',
      type: 'config.PriceBracketConfig',
      doc: 'One bracket.',
      fields: {
        above: {
          kind: 'int',
          default: 0,
          unit: 'tokens',
          doc: 'It holds for requests with more input tokens than this; 32000 or more.',
        },
        ...RATES,
      },
    },
  },
  units: UNIT_PRICES,
  tiers: {
    kind: 'list',
    doc: 'Own terms of service tiers; without them those of the provider hold.',
    item: {
      kind: 'section',
      type: 'config.PriceTierConfig',
      doc: 'One tier.',
      fields: {
        name: { kind: 'string', default: '', doc: 'batch, flex, priority or fast.' },
        factor: {
          kind: 'float',
          default: -1,
          doc: 'Factor of the rates, with three decimals at most; negative means: not set, the tier has rates of its own.',
        },
        ...RATES,
      },
    },
  },
} as const
