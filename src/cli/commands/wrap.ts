import { CONFIG_FLAG, type Command } from '../command.ts'

/** How `ongoingai wrap` is called. */
export const wrap: Command = {
  name: 'wrap',
  summary: 'run a command with its SDKs pointed at the gateway',
  usage: 'wrap [--config path/to/ongoingai.yaml] -- <command> [args...]',
  flags: [CONFIG_FLAG],
  flagsFirst: true,
  run: async (parsed, io) => (await import('../wrap.ts')).wrap(parsed, io),
}
