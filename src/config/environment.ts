import type { Problem, SettingsDocument } from './document.ts'
import { placeholderProblem } from './references.ts'
import { environmentBoolean, environmentFloat, environmentInteger, quote } from './scalar.ts'
import type { Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'

/** The process environment, or a part of it. */
export type Environment = Readonly<Record<string, string | undefined>>

interface Override {
  readonly variable: string
  readonly path: string
  readonly kind: 'string' | 'int' | 'bool' | 'float' | 'exporter'
}

const OTEL = 'observability.otel'

/** Variables that override one setting each, in the order of the original's table. */
export const OVERRIDES: readonly Override[] = [
  { variable: 'ONGOINGAI_HOST', path: 'server.host', kind: 'string' },
  { variable: 'ONGOINGAI_PORT', path: 'server.port', kind: 'int' },
  { variable: 'ONGOINGAI_STORAGE_DRIVER', path: 'storage.driver', kind: 'string' },
  { variable: 'ONGOINGAI_STORAGE_PATH', path: 'storage.path', kind: 'string' },
  { variable: 'ONGOINGAI_STORAGE_DSN', path: 'storage.dsn', kind: 'string' },
  { variable: 'ONGOINGAI_OPENAI_UPSTREAM', path: 'providers.openai.upstream', kind: 'string' },
  { variable: 'ONGOINGAI_ANTHROPIC_UPSTREAM', path: 'providers.anthropic.upstream', kind: 'string' },
  { variable: 'ONGOINGAI_CAPTURE_BODIES', path: 'tracing.capture_bodies', kind: 'bool' },
  { variable: 'ONGOINGAI_BODY_MAX_SIZE', path: 'tracing.body_max_size', kind: 'int' },
  { variable: 'OTEL_EXPORTER_OTLP_ENDPOINT', path: `${OTEL}.endpoint`, kind: 'string' },
  { variable: 'OTEL_EXPORTER_OTLP_INSECURE', path: `${OTEL}.insecure`, kind: 'bool' },
  { variable: 'OTEL_EXPORTER_OTLP_PROTOCOL', path: `${OTEL}.protocol`, kind: 'string' },
  { variable: 'OTEL_SERVICE_NAME', path: `${OTEL}.service_name`, kind: 'string' },
  { variable: 'OTEL_TRACES_EXPORTER', path: `${OTEL}.traces_enabled`, kind: 'exporter' },
  { variable: 'OTEL_METRICS_EXPORTER', path: `${OTEL}.metrics_enabled`, kind: 'exporter' },
  { variable: 'OTEL_TRACES_SAMPLER_ARG', path: `${OTEL}.sampling_ratio`, kind: 'float' },
  { variable: 'OTEL_SEMCONV_STABILITY_OPT_IN', path: `${OTEL}.semconv_opt_in`, kind: 'string' },
  { variable: 'OTEL_EXPORTER_OTLP_TIMEOUT', path: `${OTEL}.export_timeout_ms`, kind: 'int' },
  { variable: 'OTEL_METRIC_EXPORT_INTERVAL', path: `${OTEL}.metric_export_interval_ms`, kind: 'int' },
  { variable: 'ONGOINGAI_PROMETHEUS_ENABLED', path: `${OTEL}.prometheus_enabled`, kind: 'bool' },
  { variable: 'ONGOINGAI_PROMETHEUS_PATH', path: `${OTEL}.prometheus_path`, kind: 'string' },
  { variable: 'ONGOINGAI_PII_MODE', path: 'pii.mode', kind: 'string' },
  { variable: 'ONGOINGAI_PII_POLICY_ID', path: 'pii.policy_id', kind: 'string' },
  { variable: 'ONGOINGAI_PII_HASH_SALT', path: 'pii.replacement.hash_salt', kind: 'string' },
  { variable: 'ONGOINGAI_AUTH_ENABLED', path: 'auth.enabled', kind: 'bool' },
  { variable: 'ONGOINGAI_AUTH_HEADER', path: 'auth.header', kind: 'string' },
]

/** Variables whose mere presence means that telemetry is wanted. The ones that say "off" are not among them. */
const TURNS_ON = new Set([
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_INSECURE',
  'OTEL_SERVICE_NAME',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_METRIC_EXPORT_INTERVAL',
  'ONGOINGAI_PROMETHEUS_PATH',
])

/** Samplers that are a ratio by themselves; those with one take it from their argument. */
const SAMPLERS: Readonly<Record<string, number>> = {
  always_on: 1,
  always_off: 0,
  parentbased_always_on: 1,
  parentbased_always_off: 0,
}

/**
 * Applies the environment to the decoded file, in place. An unset or empty variable is ignored.
 *
 * Departs from the original where a variable means "off" (`docs/differences.md`, 13): `none`, `false` and
 * `OTEL_SDK_DISABLED=false` never turn telemetry on.
 */
export function applyEnvironment(document: SettingsDocument, environment: Environment): void {
  let wanted = false
  for (const { variable, path, kind } of OVERRIDES) {
    const trimmed = variable.startsWith('OTEL_') || variable.startsWith('ONGOINGAI_PROMETHEUS_')
    const text = trimmed ? environment[variable]?.trim() : environment[variable]
    if (text === undefined || text === '') continue
    const result = read(variable, kind, text)
    if ('problem' in result) {
      document.problems.push(result.problem)
      continue
    }
    const settings = result.values ?? [[path, result.value] as const]
    for (const [target, value] of settings) {
      override(document, target, value)
      set(document.values, target, value)
      document.origins.set(target, { kind: 'environment', variable })
    }
    const on = settings.some(([, value]) => value === true)
    if (TURNS_ON.has(variable) || (on && kind !== 'string' && path.startsWith(OTEL))) wanted = true
  }

  const ratio = SAMPLERS[environment['OTEL_TRACES_SAMPLER']?.trim().toLowerCase() ?? '']
  if (ratio !== undefined) {
    set(document.values, `${OTEL}.sampling_ratio`, ratio)
    document.origins.set(`${OTEL}.sampling_ratio`, { kind: 'environment', variable: 'OTEL_TRACES_SAMPLER' })
  }

  const disabled = environment['OTEL_SDK_DISABLED']?.trim() ?? ''
  const sdk = disabled === '' ? undefined : environmentBoolean(disabled)
  if (sdk && 'problem' in sdk)
    document.problems.push({ message: `invalid OTEL_SDK_DISABLED: ${sdk.problem}` })
  const off = sdk !== undefined && 'value' in sdk && sdk.value
  if (off) {
    set(document.values, `${OTEL}.enabled`, false)
    document.origins.set(`${OTEL}.enabled`, { kind: 'environment', variable: 'OTEL_SDK_DISABLED' })
  } else if (wanted) {
    set(document.values, `${OTEL}.enabled`, true)
    document.origins.set(`${OTEL}.enabled`, { kind: 'environment', variable: 'OTEL_*' })
  }
}

/** What the file refers to there no longer matters; a secret must be one. */
function override(document: SettingsDocument, path: string, value: unknown): void {
  const others = document.unresolved.filter((problem) => problem.path !== path)
  const problem = isSecret(path) ? placeholderProblem(String(value)) : undefined
  if (problem !== undefined) others.push({ path, message: `${path}: ${problem}` })
  document.unresolved.splice(0, Infinity, ...others)
}

function isSecret(path: string): boolean {
  let setting: Setting | undefined = SETTINGS
  for (const name of path.split('.')) {
    if (setting?.kind === 'section') setting = setting.fields[name]
    else if (setting?.kind === 'map') setting = setting.item
  }
  return setting?.kind === 'string' && setting.secret === true
}

type Read =
  | { problem: Problem }
  | { value: unknown; values?: undefined }
  | { values: readonly (readonly [string, unknown])[]; value?: undefined }

function read(variable: string, kind: Override['kind'], text: string): Read {
  if (kind === 'string') return { value: text }
  if (kind === 'exporter') return readExporter(variable, text)
  const result =
    kind === 'int'
      ? environmentInteger(text)
      : kind === 'bool'
        ? environmentBoolean(text)
        : environmentFloat(text)
  if ('problem' in result) return { problem: { message: `invalid ${variable}: ${result.problem}` } }
  return { value: result.value }
}

/** A comma list is legal in the OpenTelemetry convention. What `console` would show is in the log already, so it exports nothing. */
function readExporter(variable: string, text: string): Read {
  const names = text
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const metrics = variable === 'OTEL_METRICS_EXPORTER'
  const known = metrics ? ['otlp', 'none', 'console', 'prometheus'] : ['otlp', 'none', 'console']
  if (names.some((name) => !known.includes(name))) {
    const message = `invalid ${variable}: must be one of otlp, none (got ${quote(text)})`
    return { problem: { message } }
  }
  if (!metrics) return { value: names.includes('otlp') }
  const values: (readonly [string, unknown])[] = [[`${OTEL}.metrics_enabled`, names.includes('otlp')]]
  if (names.includes('prometheus')) values.push([`${OTEL}.prometheus_enabled`, true])
  return { values }
}

function set(values: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.')
  let section = values
  for (const name of names.slice(0, -1)) section = (section[name] ??= {}) as Record<string, unknown>
  section[names.at(-1)!] = value
}
