import { ConfigError, readSettings } from '../config/load.ts'
import type { Io } from './command.ts'
import type { Arguments } from './flags.ts'
import { gatewayUrls } from './gateway-urls.ts'

const SHELLS = ['posix', 'fish', 'powershell']

/** `ongoingai shell-init`: lines that point the SDKs of this shell at the gateway. */
export function shellInit({ values, positional }: Arguments, io: Io): number {
  if (positional.length > 0) {
    io.err('shell-init does not accept positional arguments\n')
    return 2
  }
  const shell = (values.get('shell') ?? 'posix').trim().toLowerCase()
  if (!SHELLS.includes(shell)) {
    io.err(`invalid shell-init shell "${values.get('shell')}": expected posix, fish or powershell\n`)
    return 2
  }
  try {
    const given = values.get('config')
    const urls = gatewayUrls(given, readSettings(given, io.environment))
    for (const [name, value] of values.get('models') === 'true' ? urls.modelVariables : urls.variables)
      io.out(assignment(shell, name, value))
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    io.err(`failed to load config: ${error.message}\n`)
    return 1
  }
}

function assignment(shell: string, name: string, value: string): string {
  if (shell === 'fish') return `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'\n`
  // PowerShell takes typographic quotes for plain ones.
  if (shell === 'powershell') return `$env:${name} = '${value.replace(/['\u2018-\u201b]/g, '$&$&')}'\n`
  // Unquoted if it is plain, as scripts have always seen it.
  const plain = /^[A-Za-z0-9_./:[\]-]+$/.test(value)
  return `export ${name}=${plain ? value : `'${value.replaceAll("'", `'\\''`)}'`}\n`
}
