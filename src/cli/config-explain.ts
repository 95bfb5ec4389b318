import { explainSettings } from '../config/explain.ts'
import { ConfigError, loadConfig } from '../config/load.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { textTable } from './text-table.ts'

/** `ongoingai config explain`: every effective value and where it comes from. */
export function configExplain({ values, positional }: Arguments, io: Io): number {
  if (positional.length > 0) {
    io.err('config explain does not accept positional arguments\n')
    return 2
  }
  try {
    const { document, path } = loadConfig(values.get('config'), io.environment)
    const rows = explainSettings(document, path).map(({ path: name, value, origin }) => [name, value, origin])
    io.out(textTable(rows))
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`config is invalid: ${error.message}\n`)
    return 1
  }
}
