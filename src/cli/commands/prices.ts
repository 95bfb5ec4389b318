import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

// What the commands do is loaded when one is run: the price list is megabytes that `serve` must not carry.

const PROVIDER_FLAG = {
  name: 'provider',
  type: 'string',
  description: 'Provider of the price list (openai, anthropic, google, …)',
} as const

/** `ongoingai prices list`: every price there is, the operator's own first. */
export const pricesList: Command = {
  name: 'prices list',
  summary: 'list the prices that are known',
  usage: 'prices list [--config path/to/ongoingai.yaml] [--provider NAME] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG, PROVIDER_FLAG],
  run: async (parsed, io) => (await import('../price-output.ts')).listPrices(parsed, io),
}

/** `ongoingai prices show MODEL`: what a model costs, at every provider that has it, and where the numbers are from. */
export const pricesShow: Command = {
  name: 'prices show',
  summary: 'show what a model costs',
  usage: 'prices show MODEL [--config path/to/ongoingai.yaml] [--provider NAME] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG, PROVIDER_FLAG],
  run: async (parsed, io) => (await import('../price-output.ts')).showPrice(parsed, io),
}

const IMPORT_FLAGS = [
  CONFIG_FLAG,
  {
    name: 'format',
    type: 'string',
    description: 'Format of the list: genai-prices, litellm or csv; by default, what it looks like',
  },
  { name: 'name', type: 'string', description: 'Name of the list, if it does not name itself' },
  {
    name: 'date',
    type: 'string',
    description: 'Day of the list as YYYY-MM-DD, if it does not say so itself',
  },
  { name: 'dry-run', type: 'bool', description: 'Check the list, show what it changes and write nothing' },
] as const

/** `ongoingai prices import FILE`: checks a price list, shows what it changes, puts it where the gateway reads it. */
export const pricesImport: Command = {
  name: 'prices import',
  summary: 'take over a price list from a file',
  usage:
    'prices import FILE [--config path/to/ongoingai.yaml] [--format genai-prices|litellm|csv] [--name NAME] [--date YYYY-MM-DD] [--dry-run]',
  flags: IMPORT_FLAGS,
  run: async (parsed, io) => (await import('../price-import.ts')).importPrices(parsed, io),
}

/** `ongoingai prices update --from URL`: the same with a fetched list, if `pricing.allow_update` permits it. */
export const pricesUpdate: Command = {
  name: 'prices update',
  summary: 'fetch a price list and take it over',
  usage:
    'prices update --from URL [--sha256 HEX] [--config path/to/ongoingai.yaml] [--format genai-prices|litellm|csv] [--name NAME] [--date YYYY-MM-DD] [--dry-run]',
  flags: [
    { name: 'from', type: 'string', description: 'Address of the list: https, or http on this machine' },
    { name: 'sha256', type: 'string', description: 'SHA-256 that the list must have, in hexadecimal' },
    ...IMPORT_FLAGS,
  ],
  run: async (parsed, io) => (await import('../price-import.ts')).updatePrices(parsed, io),
}

/** `ongoingai prices check`: models that were used and have no price or part of one, and own prices that match nothing. */
export const pricesCheck: Command = {
  name: 'prices check',
  summary: 'find used models without a whole price, and own prices that match nothing',
  usage: 'prices check [--config path/to/ongoingai.yaml] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG],
  run: async (parsed, io) => (await import('../price-output.ts')).checkPrices(parsed, io),
}
