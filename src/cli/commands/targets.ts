import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'
import { GATEWAY_FLAGS } from './gateway-flags.ts'

const GATEWAY_USAGE =
  '[--config path/to/ongoingai.yaml] [--base-url URL] [--gateway-key TOKEN] [--auth-header HEADER] [--timeout DURATION]'

/** How `ongoingai targets` is called. */
export const targets: Command = {
  name: 'targets',
  summary: 'show the targets of models and their states',
  usage: `targets ${GATEWAY_USAGE} [--format text|json]`,
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../targets.ts')).showTargets(parsed, io),
}

/** How `ongoingai targets try` is called. */
export const targetsTry: Command = {
  name: 'targets try',
  summary: 'send one small request to each target of a model',
  usage: `targets try NAME ${GATEWAY_USAGE}`,
  flags: [CONFIG_FLAG, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../targets.ts')).tryTargets(parsed, io),
}
