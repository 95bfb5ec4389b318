import type { Environment } from '../config/environment.ts'
import type { Arguments, Flag } from './flags.ts'

/** The world a command acts on. */
export interface Io {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly environment: Environment
  /** Standard output is a terminal. */
  readonly terminal: boolean
  /** Standard error is one: progress may be shown there. */
  readonly errTerminal: boolean
  /** Asks the user for yes or no; absent without a terminal. */
  readonly confirm?: (question: string) => boolean
  /** Settles when the reader of standard output has taken the text. Commands that write much wait for it. */
  drained(): Promise<void>
  /** Goes on when output cannot be written: without it, a reader that leaves or a disk that is full ends the program. */
  outliveReader(): void
}

/** A command of the program. `run` returns the exit status: 0 well, 1 failed, 2 wrongly called. */
export interface Command {
  /** One or two words: `serve`, `config validate`. */
  readonly name: string
  readonly summary: string
  /** How it is called, after the program's name. */
  readonly usage: string
  readonly flags: readonly Flag[]
  /** Flags end at the first positional argument. The rest belongs to the program that is run. */
  readonly flagsFirst?: true
  run(parsed: Arguments, io: Io): Promise<number> | number
}

/** `--config`, which every command takes. */
export const CONFIG_FLAG: Flag = {
  name: 'config',
  type: 'string',
  description: 'Path to config file',
  default: 'ongoingai.yaml',
}

/** `--format`, of the commands that print text or JSON. */
export const FORMAT_FLAG: Flag = {
  name: 'format',
  type: 'string',
  description: 'Output format: text or json',
  default: 'text',
}

/** Reads `--format`; a text that is neither is the message to show. */
export function readFormat(
  command: string,
  { values }: Arguments,
): { format: 'text' | 'json' } | { problem: string } {
  const raw = values.get('format') ?? ''
  const format = raw.trim().toLowerCase()
  if (format === '' || format === 'text') return { format: 'text' }
  if (format === 'json') return { format }
  return { problem: `invalid ${command} format "${raw}": expected text or json` }
}
