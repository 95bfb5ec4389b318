import { CONFIG_FLAG, type Command } from '../command.ts'

/** How `ongoingai shell-init` is called. */
export const shellInit: Command = {
  name: 'shell-init',
  summary: 'print export lines for the SDKs',
  usage: 'shell-init [--config path/to/ongoingai.yaml] [--shell posix|fish|powershell] [--models]',
  flags: [
    CONFIG_FLAG,
    {
      name: 'shell',
      type: 'string',
      description: 'Shell syntax: posix, fish or powershell',
      default: 'posix',
    },
    {
      name: 'models',
      type: 'bool',
      description: 'Print the base URLs of the routes without a prefix, where the model decides',
    },
  ],
  run: async (parsed, io) => (await import('../shell-init.ts')).shellInit(parsed, io),
}
