import { CONFIG_FLAG, type Command } from '../command.ts'
import { FILTER_FLAGS, FILTER_USAGE, RANGE_FLAGS, RANGE_USAGE } from './trace-flags.ts'

/** How `ongoingai report` is called. */
export const report: Command = {
  name: 'report',
  summary: 'show usage and cost from the store',
  usage: `report [--config path/to/ongoingai.yaml] [--format text|json|html] ${RANGE_USAGE} ${FILTER_USAGE} [--limit N]`,
  flags: [
    CONFIG_FLAG,
    { name: 'format', type: 'string', description: 'Output format: text, json or html', default: 'text' },
    ...RANGE_FLAGS,
    ...FILTER_FLAGS,
    { name: 'limit', type: 'int', description: 'Recent trace count (1-200)', default: '10' },
  ],
  run: async (parsed, io) => (await import('../report.ts')).report(parsed, io),
}
