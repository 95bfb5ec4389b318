import { CONFIG_FLAG, FORMAT_FLAG, type Command } from './command.ts'

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
  run: async (parsed, io) => (await import('./price-output.ts')).listPrices(parsed, io),
}

/** `ongoingai prices show MODEL`: what a model costs, at every provider that has it, and where the numbers are from. */
export const pricesShow: Command = {
  name: 'prices show',
  summary: 'show what a model costs',
  usage: 'prices show MODEL [--config path/to/ongoingai.yaml] [--provider NAME] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG, PROVIDER_FLAG],
  run: async (parsed, io) => (await import('./price-output.ts')).showPrice(parsed, io),
}

/** `ongoingai prices check`: models that were used and have no price, and own prices that match nothing. */
export const pricesCheck: Command = {
  name: 'prices check',
  summary: 'find used models without a price, and own prices that match nothing',
  usage: 'prices check [--config path/to/ongoingai.yaml] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG],
  run: async (parsed, io) => (await import('./price-output.ts')).checkPrices(parsed, io),
}
