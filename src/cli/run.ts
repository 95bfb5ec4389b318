import { nearest } from '../wire/nearest.ts'
import type { Command, Io } from './command.ts'
import { configExplain, configValidate } from './commands/config.ts'
import { dbCheck, dbMigrate, dbStatus } from './commands/db.ts'
import { debug } from './commands/debug.ts'
import { diagnostics } from './commands/diagnostics.ts'
import { doctor } from './commands/doctor.ts'
import { exportTraces } from './commands/export.ts'
import { health } from './commands/health.ts'
import { importGo } from './commands/import.ts'
import { keysCreate, keysList, keysRevoke, keysRotate } from './commands/keys.ts'
import { limits, limitsRaise, limitsReset } from './commands/limits.ts'
import { modelsExplain } from './commands/models.ts'
import { pricesCheck, pricesImport, pricesList, pricesShow, pricesUpdate } from './commands/prices.ts'
import { redact } from './commands/redact.ts'
import { report } from './commands/report.ts'
import { reprice } from './commands/reprice.ts'
import { serve } from './commands/serve.ts'
import { shellInit } from './commands/shell-init.ts'
import { targets, targetsTry } from './commands/targets.ts'
import { tracesTail } from './commands/traces.ts'
import { wrap } from './commands/wrap.ts'
import { completionOf } from './completion.ts'
import { flagHelp, parseFlags } from './flags.ts'
import { manOf } from './man.ts'
import { outputColumns, textTable } from './text-table.ts'
import { version } from './version.ts'
import { wrapWords } from './wrap-words.ts'

/** Every command, how it is called. To add one: its file in `commands/`, the file of its work beside this one, and a line here. */
export const COMMANDS: readonly Command[] = [
  serve,
  version,
  configValidate,
  configExplain,
  modelsExplain,
  shellInit,
  wrap,
  report,
  debug,
  doctor,
  health,
  diagnostics,
  tracesTail,
  exportTraces,
  importGo,
  keysList,
  keysCreate,
  keysRotate,
  keysRevoke,
  limitsReset,
  limitsRaise,
  limits,
  targetsTry,
  targets,
  redact,
  dbStatus,
  dbMigrate,
  dbCheck,
  pricesList,
  pricesShow,
  pricesCheck,
  pricesImport,
  pricesUpdate,
  reprice,
  completionOf(() => COMMANDS),
  manOf(() => COMMANDS),
]

/**
 * Runs the command that the words name; no words mean `serve`.
 *
 * @param words the command line after the program's name
 * @returns the exit status
 */
export async function runCommand(words: readonly string[], io: Io): Promise<number> {
  const [first = 'serve'] = words
  if (['help', '--help', '-h', '-help'].includes(first)) {
    io.out(usage())
    return 0
  }
  if (first === '--version' || first === '-v') return version.run({ values: new Map(), positional: [] }, io)
  if (GROUPS.includes(first) && ['--help', '-h'].includes(words[1] ?? '')) {
    io.out(groupUsage(first))
    return 0
  }
  const command = find(words)
  if (!command) return unknown(words, io)

  const rest = words.slice(words.length === 0 ? 0 : command.name.split(' ').length)
  // What follows `version` never mattered.
  if (command === version) return command.run({ values: new Map(), positional: [] }, io)
  const parsed = parseFlags(rest, command.flags, command.flagsFirst ? 'flags_first' : 'flags_anywhere')
  if (!('kind' in parsed)) return command.run(parsed, io)
  const help = `Usage: ${usageLine(command)}\n\n${flagHelp(command.name, command.flags)}`
  if (parsed.kind === 'help') {
    io.out(help)
    return 0
  }
  io.err(`${flagHelp(command.name, command.flags)}\n${parsed.message}\n`)
  return 2
}

function find(words: readonly string[]): Command | undefined {
  if (words.length === 0) return serve
  return COMMANDS.find((command) => {
    const name = command.name.split(' ')
    return name.every((word, i) => words[i] === word)
  })
}

function unknown(words: readonly string[], io: Io): number {
  const [first = '', second = ''] = words
  if (GROUPS.includes(first)) {
    io.err(groupUsage(first))
    const close = nearest(second, groupWords(first))
    if (second !== '')
      io.err(`unknown command "${first} ${second}"${close ? `; did you mean "${first} ${close}"?` : ''}\n`)
    return 2
  }
  io.err(usage())
  const names = COMMANDS.map((command) => command.name.split(' ')[0]!)
  const close = first.startsWith('-') ? undefined : nearest(first, names)
  io.err(`unknown command "${first}"${close ? `; did you mean "${close}"?` : ''}\n`)
  return 2
}

/** First words of commands that have two. */
const GROUPS = ['config', 'db', 'keys', 'models', 'prices', 'traces']

function groupWords(group: string): string[] {
  return COMMANDS.flatMap(({ name }) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []))
}

function usage(): string {
  const lines = textTable(COMMANDS.map(({ name, summary }) => [`  ${name}`, summary]))
  return `Usage: ongoingai <command> [flags]\n\n${lines}\n\`ongoingai <command> --help\` lists its flags; without a command it serves.\n`
}

function groupUsage(group: string): string {
  const commands = COMMANDS.filter((command) => command.name.startsWith(`${group} `))
  return `Usage:\n${commands.map((command) => `  ${usageLine(command)}\n`).join('')}`
}

/** How a command is called, broken between its flags. */
function usageLine({ usage: words }: Command): string {
  return wrapWords(`ongoingai ${words}`, outputColumns() - '  '.length, '      ', / (?![^[\]]*\])/)
}
