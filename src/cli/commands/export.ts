import { CONFIG_FLAG, type Command } from '../command.ts'
import { FILTER_FLAGS, FILTER_USAGE, RANGE_FLAGS, RANGE_USAGE } from './trace-flags.ts'

/** How `ongoingai export` is called. */
export const exportTraces: Command = {
  name: 'export',
  summary: 'write traces to a file: JSON lines, CSV or Parquet',
  usage: `export [--config path/to/ongoingai.yaml] [--format jsonl|csv|parquet] [--out PATH] [--bodies] ${RANGE_USAGE} ${FILTER_USAGE}`,
  flags: [
    CONFIG_FLAG,
    { name: 'format', type: 'string', description: 'jsonl, csv or parquet', default: 'jsonl' },
    {
      name: 'out',
      type: 'string',
      description: 'File to write; standard output without it. An export that was interrupted goes on',
    },
    { name: 'bodies', type: 'bool', description: 'Include captured request and response bodies' },
    ...RANGE_FLAGS,
    ...FILTER_FLAGS,
  ],
  run: async (parsed, io) => (await import('../export.ts')).exportTraces(parsed, io),
}
