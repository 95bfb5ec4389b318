import type { SettingsDocument } from './settings-document.ts'
import { placeholderProblem } from './references.ts'
import { nearest } from '../wire/nearest.ts'
import { environmentBoolean, environmentFloat, environmentInteger, quote, type Scalar } from './scalar.ts'
import type { Setting } from './setting.ts'
import { SETTINGS } from './settings.ts'
import { wrongScalar } from './wrong-scalar.ts'

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

/** Variables whose presence turns telemetry on. Variables that say "off" are not among them. */
const TURNS_ON = new Set([
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_INSECURE',
  'OTEL_SERVICE_NAME',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_METRIC_EXPORT_INTERVAL',
  'ONGOINGAI_PROMETHEUS_PATH',
])

/** Largest edit distance at which a variable counts as misspelt. */
const MISSPELT = 2

/** Whatever telemetry can be for. */
const SIGNALS = ['traces_enabled', 'metrics_enabled', 'prometheus_enabled'].map((name) => `${OTEL}.${name}`)

/** The overrides that choose exporters. */
const EXPORTERS = OVERRIDES.filter(({ kind }) => kind === 'exporter')

/** Our variables that are no settings. */
const OTHERS = ['ALLOW_OPEN', 'COMMIT', 'CONTAINER', 'DATE', 'GATEWAY_KEY', 'IMPORT_FROM', 'VERSION']

/** Samplers with a fixed ratio. Others take it from their argument. */
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
  findMisspelt(document, environment)
  for (const { variable, path, kind } of OVERRIDES) {
    const trimmed = variable.startsWith('OTEL_') || variable.startsWith('ONGOINGAI_PROMETHEUS_')
    const text = trimmed ? environment[variable]?.trim() : environment[variable]
    if (text === undefined || text === '') continue
    const result = read(path, kind, text)
    if ('problem' in result) {
      document.problems.push({ path, message: `invalid ${variable}: ${result.problem}` })
      continue
    }
    for (const [target, value] of result.values) {
      override(document, target, value)
      set(document.values, target, value)
      document.origins.set(target, { kind: 'environment', variable })
    }
    const on = result.values.some(([, value]) => value === true)
    if (TURNS_ON.has(variable) || (on && kind !== 'string' && path.startsWith(OTEL))) wanted = true
  }

  const ratio = SAMPLERS[environment['OTEL_TRACES_SAMPLER']?.trim().toLowerCase() ?? '']
  if (ratio !== undefined) {
    set(document.values, `${OTEL}.sampling_ratio`, ratio)
    document.origins.set(`${OTEL}.sampling_ratio`, { kind: 'environment', variable: 'OTEL_TRACES_SAMPLER' })
  }

  const disabled = environment['OTEL_SDK_DISABLED']?.trim() ?? ''
  const sdk = disabled === '' ? { value: false } : environmentBoolean(disabled)
  if ('expected' in sdk) {
    const wrong = wrongScalar({ ...sdk, unit: undefined, text: disabled, quoted: false })
    document.problems.push({ path: `${OTEL}.enabled`, message: `invalid OTEL_SDK_DISABLED: ${wrong}` })
  }
  const enable = (value: boolean, variable: string): void => {
    set(document.values, `${OTEL}.enabled`, value)
    document.origins.set(`${OTEL}.enabled`, { kind: 'environment', variable })
  }
  if ('value' in sdk && sdk.value) return enable(false, 'OTEL_SDK_DISABLED')
  if (useSignalEndpoints(document, environment, wanted)) wanted = true
  if (wanted) enable(true, 'OTEL_*')
  const off = EXPORTERS.find(({ path }) => document.origins.get(path)?.kind === 'environment')
  if (off && SIGNALS.every((signal) => get(document.values, signal) === false)) enable(false, off.variable)
}

/** An endpoint for one signal turns that signal on. The other stays unchanged if telemetry is already on. */
function useSignalEndpoints(document: SettingsDocument, environment: Environment, wanted: boolean): boolean {
  const given = (variable: string): boolean => (environment[variable]?.trim() ?? '') !== ''
  const traces = given('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')
  const metrics = given('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT')
  if (traces === metrics || wanted || get(document.values, `${OTEL}.enabled`) === true)
    return traces || metrics
  const other = `${OTEL}.${traces ? 'metrics' : 'traces'}_enabled`
  const variable = `OTEL_EXPORTER_OTLP_${traces ? 'TRACES' : 'METRICS'}_ENDPOINT`
  if (document.origins.get(other)?.kind === 'default') {
    set(document.values, other, false)
    document.origins.set(other, { kind: 'environment', variable })
  }
  return true
}

/** An unknown variable that nearly spells a known one. If ignored, a setting such as auth.enabled would not apply. */
function findMisspelt(document: SettingsDocument, environment: Environment): void {
  const known = [...OVERRIDES.map(({ variable }) => variable), ...OTHERS.map((name) => `ONGOINGAI_${name}`)]
  for (const [name, value = ''] of Object.entries(environment)) {
    if (!name.startsWith('ONGOINGAI_') || known.includes(name) || value === '') continue
    const close = nearest(name, known, MISSPELT)
    if (close === undefined) continue
    const meant = OVERRIDES.filter(({ variable }) => variable === close).map(({ path }) => path)
    document.problems.push({ meant, message: `the variable ${name} is not known; did you mean ${close}?` })
  }
}

/** The file's reference no longer matters. A secret must be valid. */
function override(document: SettingsDocument, path: string, value: unknown): void {
  const others = document.unresolved.filter((problem) => problem.path !== path)
  const problem = isSecret(path) ? placeholderProblem(String(value)) : undefined
  if (problem !== undefined) others.push({ path, message: `${path}: ${problem}` })
  document.unresolved.splice(0, Infinity, ...others)
}

function isSecret(path: string): boolean {
  const setting = settingAt(path)
  return setting?.kind === 'string' && setting.secret === true
}

function settingAt(path: string): Setting | undefined {
  let setting: Setting | undefined = SETTINGS
  for (const name of path.split('.')) {
    if (setting?.kind === 'section') setting = setting.fields[name]
    else if (setting?.kind === 'map') setting = setting.item
  }
  return setting
}

type Values = readonly (readonly [path: string, value: unknown])[]

function read(
  path: string,
  kind: Override['kind'],
  text: string,
): { readonly values: Values } | { readonly problem: string } {
  if (kind === 'string') return { values: [[path, text]] }
  if (kind === 'exporter') return readExporter(path, text)
  const result: Scalar<unknown> =
    kind === 'int'
      ? environmentInteger(text)
      : kind === 'bool'
        ? environmentBoolean(text)
        : environmentFloat(text)
  if ('value' in result) return { values: [[path, result.value]] }
  const setting = settingAt(path)
  const unit = setting && 'unit' in setting ? setting.unit : undefined
  const wrong = wrongScalar({ ...result, unit, text, quoted: false })
  // Kubernetes sets variables for Services in every container, which look like settings.
  const service =
    'Kubernetes sets it for a Service of this name, so set enableServiceLinks: false for the pod'
  return { problem: `${path} ${wrong}${text.startsWith('tcp://') ? `; ${service}` : ''}` }
}

/**
 * A comma list is legal in the OpenTelemetry convention. The log already has what `console` would show, so it exports
 * nothing.
 */
function readExporter(path: string, text: string): ReturnType<typeof read> {
  const names = text
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const metrics = path === `${OTEL}.metrics_enabled`
  const known = ['otlp', 'none', 'console', ...(metrics ? ['prometheus'] : [])]
  if (names.some((name) => !known.includes(name)))
    return { problem: `must be one of otlp, none${metrics ? ', prometheus' : ''} (got ${quote(text)})` }
  const values: Values = [[path, names.includes('otlp')]]
  return { values: names.includes('prometheus') ? [...values, [`${OTEL}.prometheus_enabled`, true]] : values }
}

function get(values: Record<string, unknown>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((section, name) => (section as Record<string, unknown>)[name], values)
}

function set(values: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.')
  let section = values
  for (const name of names.slice(0, -1)) section = (section[name] ??= {}) as Record<string, unknown>
  section[names.at(-1)!] = value
}
