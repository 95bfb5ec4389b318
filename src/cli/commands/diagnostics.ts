import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'
import { GATEWAY_FLAGS } from './gateway-flags.ts'

/** How `ongoingai diagnostics` is called. */
export const diagnostics: Command = {
  name: 'diagnostics',
  summary: 'show the trace pipeline of a running gateway',
  usage:
    'diagnostics [trace-pipeline] [--config path/to/ongoingai.yaml] [--base-url URL] [--gateway-key TOKEN] [--auth-header HEADER] [--format text|json] [--timeout DURATION]',
  flags: [CONFIG_FLAG, FORMAT_FLAG, ...GATEWAY_FLAGS],
  run: async (parsed, io) => (await import('../diagnostics.ts')).diagnostics(parsed, io),
}
