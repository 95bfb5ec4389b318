import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

/** How `ongoingai import` is called. */
export const importGo: Command = {
  name: 'import',
  summary: 'bring traces, tenants and keys of the Go gateway over',
  usage: 'import --from PATH|DSN [--config path/to/ongoingai.yaml] [--format text|json]',
  flags: [
    CONFIG_FLAG,
    FORMAT_FLAG,
    {
      name: 'from',
      type: 'string',
      description:
        'SQLite file or PostgreSQL connection string of the Go gateway; it is read and never changed',
    },
  ],
  run: async (parsed, io) => (await import('../import.ts')).importGo(parsed, io),
}
