import { CONFIG_FLAG, FORMAT_FLAG, type Command } from '../command.ts'

/** How `ongoingai db status` is called. */
export const dbStatus: Command = {
  name: 'db status',
  summary: 'show the store, its size and its schema',
  usage: 'db status [--config path/to/ongoingai.yaml] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG],
  run: async (parsed, io) => (await import('../db.ts')).dbStatus(parsed, io),
}

/** How `ongoingai db migrate` is called. */
export const dbMigrate: Command = {
  name: 'db migrate',
  summary: 'bring the schema of the store up to date, or make the store',
  usage: 'db migrate [--config path/to/ongoingai.yaml]',
  flags: [CONFIG_FLAG],
  run: async (parsed, io) => (await import('../db.ts')).dbMigrate(parsed, io),
}

/** How `ongoingai db check` is called. */
export const dbCheck: Command = {
  name: 'db check',
  summary: 'check the store: the database itself, counts, references and sums',
  usage: 'db check [--config path/to/ongoingai.yaml] [--format text|json]',
  flags: [CONFIG_FLAG, FORMAT_FLAG],
  run: async (parsed, io) => (await import('../db.ts')).dbCheck(parsed, io),
}
