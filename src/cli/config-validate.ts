import { ConfigError, loadConfig } from '../config/load.ts'
import { CONFIG_FLAG, type Command } from './command.ts'

/** `ongoingai config validate`: reports everything that would keep `serve` from starting. */
export const configValidate: Command = {
  name: 'config validate',
  summary: 'check the configuration and the variables it refers to',
  usage: 'config validate [--config path/to/ongoingai.yaml]',
  flags: [CONFIG_FLAG],
  run({ values, positional }, io) {
    if (positional.length > 0) {
      io.err('config validate does not accept positional arguments\n')
      return 2
    }
    try {
      const { path, warnings } = loadConfig(values.get('config'), io.environment)
      for (const warning of warnings) io.err(`warning: ${warning}\n`)
      io.out(`config is valid: ${path}\n`)
      return 0
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      io.err(`config is invalid: ${error.message}\n`)
      return 1
    }
  },
}
