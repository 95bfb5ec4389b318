import { explainSettings } from '../config/explain.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import { CONFIG_FLAG, type Command } from './command.ts'
import { textTable } from './text-table.ts'

/** `ongoingai config explain`: every effective value and where it comes from. */
export const configExplain: Command = {
  name: 'config explain',
  summary: 'show every effective setting and its origin, secrets hidden',
  usage: 'config explain [--config path/to/ongoingai.yaml]',
  flags: [CONFIG_FLAG],
  run({ values, positional }, io) {
    if (positional.length > 0) {
      io.err('config explain does not accept positional arguments\n')
      return 2
    }
    try {
      const { document, path } = loadConfig(values.get('config'), io.environment)
      const rows = explainSettings(document, path).map(({ path: name, value, origin }) => [
        name,
        value,
        origin,
      ])
      io.out(textTable(rows))
      return 0
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      io.err(`config is invalid: ${error.message}\n`)
      return 1
    }
  },
}
