import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'
import { RANGE_FLAGS, RANGE_USAGE } from './trace-flags.ts'

/** How `ongoingai reprice` is called. */
export const reprice: Command = {
  name: 'reprice',
  summary: 'price stored traces again by the current lists',
  usage: `reprice [--config path/to/ongoingai.yaml] ${RANGE_USAGE} [--dry-run] [--yes] [--format text|json]`,
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    ...RANGE_FLAGS,
    { name: 'dry-run', type: 'bool', description: 'Show what would change and change nothing' },
    { name: 'yes', type: 'bool', description: 'Change without asking; only a terminal is asked' },
  ],
  run: async (parsed, io) => (await import('../reprice.ts')).reprice(parsed, io),
}
