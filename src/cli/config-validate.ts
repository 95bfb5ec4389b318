import { ConfigError, loadConfig } from '../config/load.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'

/** `ongoingai config validate`: reports everything that would keep `serve` from starting. */
export function configValidate({ values, positional }: Arguments, io: Io): number {
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
}
