import { existsSync, readFileSync } from 'node:fs'
import { decodeSettings, type Origin, type Problem, type SettingsDocument } from './document.ts'
import { applyEnvironment, type Environment } from './environment.ts'
import { quote } from './scalar.ts'
import { SETTINGS } from './settings.ts'
import type { Config } from './config.ts'
import { validateSettings } from './validate.ts'

/** The file that is read when no `--config` is given; it alone may be missing. */
const DEFAULT_CONFIG_PATH = 'ongoingai.yaml'

/** The configuration could not be read (`load`) or is not valid (`validate`). The message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly stage: 'load' | 'validate'

  constructor(stage: 'load' | 'validate', message: string) {
    super(message)
    this.stage = stage
  }
}

/** A configuration and where each of its values comes from. `exists` says whether there was a file. */
export interface LoadedConfig {
  readonly config: Config
  readonly document: SettingsDocument
  readonly path: string
  readonly exists: boolean
}

/**
 * Reads, overrides and checks the configuration.
 *
 * @param path `undefined` for the default file
 * @throws ConfigError with all problems at once
 */
export function loadConfig(path: string | undefined, environment: Environment): LoadedConfig {
  const loaded = readSettings(path, environment)
  const { unresolved } = loaded.document
  const { config, problems: others } = validateSettings(loaded.document, { environment, readText })
  // What is wrong with a value that could not be resolved says nothing.
  const problems = [
    ...unresolved,
    ...others.filter((problem) => !unresolved.some((one) => one.path === problem.path)),
  ]
  if (problems.length > 0) throw new ConfigError('validate', describe(problems, loaded))
  return { ...loaded, config }
}

/**
 * Reads and overrides the settings without judging them, as `shell-init` and `wrap` need them. Variables that the file
 * refers to and that are not set are no problem to them.
 *
 * @throws ConfigError of stage `load`
 */
export function readSettings(
  path: string | undefined,
  environment: Environment,
): Omit<LoadedConfig, 'config'> {
  const file = path ?? DEFAULT_CONFIG_PATH
  const exists = existsSync(file)
  if (!exists && path !== undefined) {
    throw new ConfigError('load', `read config ${quote(file)}: open ${file}: no such file or directory`)
  }
  let text = ''
  if (exists) {
    try {
      text = readFileSync(file, 'utf8')
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      const reason =
        code === 'EISDIR' ? 'is a directory' : code === 'EACCES' ? 'permission denied' : String(code)
      throw new ConfigError('load', `read config ${quote(file)}: read ${file}: ${reason}`)
    }
  }
  const document = decodeSettings(text, SETTINGS, readText, environment)
  if (document.problems.length > 0) throw new ConfigError('load', describeYaml(document.problems, file))
  applyEnvironment(document, environment)
  if (document.problems.length > 0) {
    throw new ConfigError('load', document.problems.map((problem) => problem.message).join('\n'))
  }
  return { document, path: file, exists }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function describeYaml(problems: readonly Problem[], file: string): string {
  const unmarshal = problems.every(
    (problem) => problem.path !== undefined || /already defined/.test(problem.message),
  )
  if (!unmarshal) {
    const texts = problems.map(({ line, message }) =>
      line === undefined ? message : `yaml: line ${line}: ${message}`,
    )
    return `parse yaml ${quote(file)}: ${texts.join('\n')}`
  }
  const lines = problems.map(({ line, message, path }) => {
    const where = path && !message.includes(path) ? ` (at ${path})` : ''
    return `\n  line ${line}: ${message}${where}`
  })
  return `parse yaml ${quote(file)}: yaml: unmarshal errors:${lines.join('')}`
}

function describe(problems: readonly Problem[], loaded: Omit<LoadedConfig, 'config'>): string {
  const texts = problems.map(({ message, path }) => {
    const origin = nearestOrigin(loaded.document.origins, path ?? '')
    if (origin?.kind === 'file') return `${message} (${loaded.path}:${origin.line})`
    if (origin?.kind === 'environment') return `${message} (from ${origin.variable})`
    return message
  })
  if (texts.length === 1) return texts[0]!
  return `${texts[0]}${texts
    .slice(1)
    .map((text) => `\n  and ${text}`)
    .join('')}`
}

/** The origin of a setting, or of the first of its parts that the operator gave. */
function nearestOrigin(origins: Map<string, Origin>, path: string): Origin | undefined {
  const own = origins.get(path)
  if (own) return own
  for (const [name, origin] of origins) {
    if (name.startsWith(path) && path !== '' && origin.kind !== 'default') return origin
  }
  return undefined
}
