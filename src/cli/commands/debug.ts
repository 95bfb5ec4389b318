import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

/** How `ongoingai debug` is called. */
export const debug: Command = {
  name: 'debug',
  summary: 'show the latest exchange, or a chain of them',
  usage:
    'debug [last] [--config path/to/ongoingai.yaml] [--trace-id ID] [--trace-group-id ID] [--thread-id ID] [--run-id ID] [--format text|json] [--limit N] [--diff] [--bundle-out PATH] [--include-headers] [--include-bodies]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    { name: 'trace-id', type: 'string', description: 'Trace ID to debug (defaults to latest trace)' },
    { name: 'trace-group-id', type: 'string', description: 'Trace group ID filter' },
    { name: 'thread-id', type: 'string', description: 'Thread ID filter' },
    { name: 'run-id', type: 'string', description: 'Run ID filter' },
    { name: 'limit', type: 'int', description: 'Maximum checkpoints to include (1-500)', default: '200' },
    { name: 'diff', type: 'bool', description: 'Include redaction-safe checkpoint diffs' },
    {
      name: 'bundle-out',
      type: 'string',
      description: 'Directory to write debug bundle (debug-chain.json + manifest.json)',
    },
    { name: 'include-headers', type: 'bool', description: 'Include request/response headers' },
    { name: 'include-bodies', type: 'bool', description: 'Include request/response bodies' },
  ],
  run: async (parsed, io) => (await import('../debug.ts')).debug(parsed, io),
}
