import { CONFIG_FLAG, type Command } from '../command.ts'
import { GATEWAY_FLAGS } from './gateway-flags.ts'

/** How `ongoingai health` is called. */
export const health: Command = {
  name: 'health',
  summary: 'check whether a running gateway takes requests',
  usage: 'health [--config path/to/ongoingai.yaml] [--base-url URL] [--timeout DURATION]',
  flags: [CONFIG_FLAG, ...GATEWAY_FLAGS.filter(({ name }) => name === 'base-url' || name === 'timeout')],
  run: async (parsed, io) => (await import('../health.ts')).health(parsed, io),
}
