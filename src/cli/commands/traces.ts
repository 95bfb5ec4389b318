import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'
import { FILTER_FLAGS, FILTER_USAGE } from './trace-flags.ts'

/** How `ongoingai traces tail` is called. */
export const tracesTail: Command = {
  name: 'traces tail',
  summary: 'show traces as they come in',
  usage: `traces tail [--config path/to/ongoingai.yaml] [--format text|json] [--limit N] ${FILTER_USAGE}`,
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'limit', type: 'int', description: 'Traces to begin with (0-200)', default: '10' },
    ...FILTER_FLAGS,
  ],
  run: async (parsed, io) => (await import('../traces-tail.ts')).tailTraces(parsed, io),
}
