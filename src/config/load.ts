import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decodeSettings } from './document.ts'
import type { Origin, Problem, SettingsDocument } from './settings-document.ts'
import { applyEnvironment, type Environment } from './environment.ts'
import { quote } from './scalar.ts'
import { SETTINGS } from './settings.ts'
import { readPriceFile } from './price-file.ts'
import type { Config } from './config.ts'
import type { FiledTable } from '../usage/price-table.ts'
import { validateSettings } from './validate.ts'

/** The default file without `--config`. Only this one may be missing. */
const DEFAULT_CONFIG_PATH = 'ongoingai.yaml'

/** Other names that people give that file. They are not read. */
const NEARLY_DEFAULT = ['ongoingai.yml', 'ongoingai.json']

/**
 * The configuration could not be read (`load`) or is not valid (`validate`). The message lists every problem, one to a line, each
 * with its place.
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly stage: 'load' | 'validate'

  constructor(stage: 'load' | 'validate', message: string) {
    super(message)
    this.stage = stage
  }
}

/** Decoded settings and where each of them comes from. `exists` says whether there was a file. */
export interface LoadedSettings {
  readonly document: SettingsDocument
  readonly path: string
  readonly exists: boolean
}

/** The same as checked. */
export interface LoadedConfig extends LoadedSettings {
  readonly config: Config
  /** Values that work but are probably not intended, each with its place. */
  readonly warnings: readonly string[]
}

/**
 * Reads, overrides and checks the configuration.
 *
 * @param path `undefined` for the default file
 * @param priceList reads `pricing.file`; a command that replaces it continues without a broken one
 * @throws ConfigError with all problems at once
 */
export function loadConfig(
  path: string | undefined,
  environment: Environment,
  priceList: (path: string) => FiledTable | undefined = readPriceFile,
): LoadedConfig {
  const loaded = decode(path, environment)
  const { syntax, problems, unresolved, warnings } = loaded.document
  const checked = validateSettings(loaded.document, { environment, readText, priceList })
  // Later problems of a value that could not be read, or has another name, are meaningless.
  const vain = [...problems, ...unresolved].flatMap(({ path: at, meant }) => meant ?? at ?? [])
  const others = checked.problems.filter(
    (problem) => syntax.length === 0 && !vain.some((at) => touches(at, problem.path)),
  )
  const found = [...syntax, ...problems, ...unresolved, ...others]
  if (found.length > 0) {
    throw new ConfigError(syntax.length + problems.length > 0 ? 'load' : 'validate', describe(found, loaded))
  }
  const all = [...(loaded.exists ? [] : unread()), ...warnings, ...checked.warnings]
  return { ...loaded, config: checked.config, warnings: all.map((warning) => placed(warning, loaded)) }
}

/**
 * Reads and overrides the settings without validation, for `shell-init` and `wrap`. Unset variables in the file are
 * no problem for them.
 *
 * @throws ConfigError of stage `load`
 */
export function readSettings(path: string | undefined, environment: Environment): LoadedSettings {
  const loaded = decode(path, environment)
  const found = [...loaded.document.syntax, ...loaded.document.problems]
  if (found.length > 0) throw new ConfigError('load', describe(found, loaded))
  return loaded
}

function decode(path: string | undefined, environment: Environment): LoadedSettings {
  const file = path ?? DEFAULT_CONFIG_PATH
  const exists = existsSync(file)
  if (!exists && path !== undefined) {
    const hint = file.startsWith('~')
      ? '~ is not expanded here; write "$HOME" for it'
      : `there is no ${quote(resolve(file))}`
    throw new ConfigError(
      'load',
      `read config ${quote(file)}: open ${file}: no such file or directory; ${hint}`,
    )
  }
  const text = exists ? readConfig(file) : ''
  const document = decodeSettings(text, SETTINGS, readText, environment)
  applyEnvironment(document, environment)
  return { document, path: file, exists }
}

function readConfig(file: string): string {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    const reason =
      code === 'EISDIR'
        ? 'is a directory; --config takes the file in it'
        : code === 'EACCES'
          ? 'permission denied'
          : String(code)
    throw new ConfigError('load', `read config ${quote(file)}: read ${file}: ${reason}`)
  }
  // YAML 1.2.2 §5.2: a byte order mark identifies UTF-16. The decoders take it away.
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8'
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // Told below.
  }
  const message = `read config ${quote(file)}: it is no text in UTF-8; name the YAML file, or save it as UTF-8`
  throw new ConfigError('load', message)
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

/** Whether a problem at one path makes problems at another doubtful: the same path, one within it, or the section around it. */
function touches(wrong: string, other = ''): boolean {
  return other === wrong || within(other, wrong) || wrong.replace(/\.[^.]*$/, '') === other
}

function within(path: string, section: string): boolean {
  return path.startsWith(`${section}.`) || path.startsWith(`${section}[`)
}

/** Existing files that a user may mistake for the configuration. */
function unread(): Problem[] {
  return NEARLY_DEFAULT.filter((name) => existsSync(name)).map((name) => ({
    message: `${name} is not read: rename it to ${DEFAULT_CONFIG_PATH}, or start with --config ${name}`,
  }))
}

function describe(problems: readonly Problem[], loaded: LoadedSettings): string {
  const texts = problems.map((problem) => placed(problem, loaded))
  const yaml = loaded.document.syntax.length > 0 ? `parse yaml ${quote(loaded.path)}: ` : ''
  return `${yaml}${texts.join('\n  and ')}`
}

/** A message with its place in the file, or the variable that the value comes from. */
function placed({ message, path = '', line }: Problem, loaded: LoadedSettings): string {
  if (line !== undefined) return `${message} (${loaded.path}:${line})`
  const origin = nearestOrigin(loaded.document.origins, path)
  if (origin?.kind === 'file') return `${message} (${loaded.path}:${origin.line})`
  if (origin?.kind === 'environment' && !message.includes(origin.variable))
    return `${message} (from ${origin.variable})`
  return message
}

/** The origin of a setting, else of the section around it, else of its first part in the file. */
function nearestOrigin(origins: ReadonlyMap<string, Origin>, path: string): Origin | undefined {
  for (let at = path; at !== ''; at = at.replace(/(\[\d+\]|\.?[^.[\]]+)$/, '')) {
    const origin = origins.get(at)
    if (origin && origin.kind !== 'default') return origin
  }
  const section = path.replace(/\.?[^.]*$/, '')
  for (const [name, origin] of origins) {
    if (section !== '' && within(name, section) && origin.kind !== 'default') return origin
  }
  return undefined
}
