import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

/** How `ongoingai doctor` is called. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'check configuration, store, routes, keys, disk and upstreams',
  usage: 'doctor [--config path/to/ongoingai.yaml] [--format text|json] [--online]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    {
      name: 'online',
      type: 'bool',
      description:
        'Also ask every upstream whether it can be reached, and try the credentials that the gateway holds',
    },
  ],
  run: async (parsed, io) => (await import('../doctor.ts')).doctor(parsed, io),
}
