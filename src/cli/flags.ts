import { nearest } from '../wire/nearest.ts'
import { quote } from '../config/scalar.ts'

/** One flag of a command. */
export interface Flag {
  readonly name: string
  readonly type: 'string' | 'int' | 'duration' | 'bool'
  readonly description: string
  /** Shown in the help; absent for the zero value. */
  readonly default?: string
}

/** What a command line says. Values are as given; a boolean that is set is `true` or `false`. */
export interface Arguments {
  readonly values: ReadonlyMap<string, string>
  readonly positional: readonly string[]
}

/** The command line is wrong, or wants help. */
export type FlagProblem = { readonly kind: 'help' } | { readonly kind: 'error'; readonly message: string }

/**
 * Reads flags: `-name` and `--name` are the same, values come after `=` or as the next argument, the last of a
 * repeated flag wins, `--` ends them.
 *
 * @param after whether flags may stand after positional arguments; `wrap` leaves those to the wrapped command
 */
export function parseFlags(
  words: readonly string[],
  flags: readonly Flag[],
  after: 'flags_anywhere' | 'flags_first',
): Arguments | FlagProblem {
  const values = new Map<string, string>()
  const positional: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word === '--') {
      positional.push(...words.slice(i + 1))
      break
    }
    if (!word.startsWith('-') || word === '-') {
      if (after === 'flags_first') {
        positional.push(...words.slice(i))
        break
      }
      positional.push(word)
      continue
    }
    const [name = '', ...rest] = word.replace(/^--?/, '').split('=')
    let value = rest.length > 0 ? rest.join('=') : undefined
    if (name === 'help' || name === 'h') return { kind: 'help' }
    const flag = flags.find((candidate) => candidate.name === name)
    if (!flag) return { kind: 'error', message: unknownFlag(name, flags) }
    if (flag.type === 'bool') value ??= 'true'
    else if (value === undefined) {
      i += 1
      value = words[i]
      if (value === undefined) return { kind: 'error', message: `flag needs an argument: -${name}` }
    }
    const problem = check(flag, value)
    if (problem) return { kind: 'error', message: problem }
    values.set(name, flag.type === 'bool' ? String(TRUE.has(value)) : value)
  }
  return { values, positional }
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

function check({ name, type }: Flag, value: string): string | undefined {
  if (type === 'bool') {
    if (TRUE.has(value) || FALSE.has(value)) return undefined
    return `invalid boolean value ${quote(value)} for -${name}: parse error`
  }
  const valid =
    type === 'string' ||
    (type === 'int' ? /^[-+]?\d{1,15}$/.test(value) : parseDurationMs(value) !== undefined)
  return valid ? undefined : `invalid value ${quote(value)} for flag -${name}: parse error`
}

function unknownFlag(name: string, flags: readonly Flag[]): string {
  const close = nearest(
    name,
    flags.map((flag) => flag.name),
  )
  return `flag provided but not defined: -${name}${close ? ` (did you mean --${close}?)` : ''}`
}

/** The flags of a command, one block each, in alphabetical order. */
export function flagHelp(command: string, flags: readonly Flag[]): string {
  const blocks = [...flags]
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ name, type, description, default: value }) => {
      const shown = type === 'string' && value !== undefined ? `"${value}"` : value
      const suffix = shown === undefined ? '' : ` (default ${shown})`
      return `  -${name}${type === 'bool' ? '' : ` ${type}`}\n    \t${description}${suffix}\n`
    })
  return `Usage of ${command}:\n${blocks.join('')}`
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of a duration such as `300ms`, `1.5s` or `1m30s`; `undefined` for anything else. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^[-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let sum = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(amount) * UNITS[unit!]!
  }
  return text.startsWith('-') ? -sum : sum
}
