import { CONFIG_FLAG, type Command } from '../command.ts'

/** How `ongoingai config validate` is called. */
export const configValidate: Command = {
  name: 'config validate',
  summary: 'check the configuration and the variables it refers to',
  usage: 'config validate [--config path/to/ongoingai.yaml]',
  flags: [CONFIG_FLAG],
  run: async (parsed, io) => (await import('../config-validate.ts')).configValidate(parsed, io),
}

/** How `ongoingai config explain` is called. */
export const configExplain: Command = {
  name: 'config explain',
  summary: 'show every effective setting and its origin, secrets hidden',
  usage: 'config explain [--config path/to/ongoingai.yaml]',
  flags: [CONFIG_FLAG],
  run: async (parsed, io) => (await import('../config-explain.ts')).configExplain(parsed, io),
}
