import { hasPrefix, normalisePrefix } from '../wire/url/path-prefix.ts'
import type { LogStyle } from '../log.ts'
import type { TelemetrySettings } from '../telemetry/settings.ts'
import { VERSION } from '../version.ts'
import type { Config } from './config.ts'
import { quote } from './scalar.ts'
import type { Wrong } from './validate-providers.ts'

/** `observability` in the file, not yet checked. */
export interface RawObservability {
  readonly logLevel: string
  readonly logFormat: string
  readonly adminAddress: string
  readonly metricsToken: string
  readonly otel: {
    readonly enabled: boolean
    readonly endpoint: string
    readonly protocol: string
    readonly insecure: boolean
    readonly serviceName: string
    readonly tracesEnabled: boolean
    readonly metricsEnabled: boolean
    readonly prometheusEnabled: boolean
    readonly prometheusPath: string
    readonly samplingRatio: number
    readonly semconvOptIn: string
    readonly maxForcedPerSecond: number
    readonly propagateUpstream: boolean
    readonly exportTimeoutMs: number
    readonly metricExportIntervalMs: number
  }
}

const PATH = 'observability.otel'

/** Checks `observability`. @param prefixes of providers, which Prometheus's path must not lie below */
export function checkTelemetry(
  { otel, adminAddress, metricsToken }: RawObservability,
  prefixes: readonly string[],
  wrong: Wrong,
): { telemetry: TelemetrySettings; prometheus: Config['prometheus'] } {
  const { enabled } = otel
  const prometheus = {
    enabled: enabled && otel.prometheusEnabled,
    path: otel.prometheusPath.trim(),
    adminAddress: adminAddress.trim(),
    token: metricsToken,
  }
  const exports = otel.tracesEnabled || otel.metricsEnabled
  const endpoint = enabled && exports ? readEndpoint(otel, wrong) : ''
  const protocol = otel.protocol.trim().toLowerCase()
  const traces = enabled && otel.tracesEnabled && endpoint !== ''
  const telemetry: TelemetrySettings = {
    enabled,
    endpoint,
    protocol: protocol === 'http/json' ? 'http/json' : 'http/protobuf',
    serviceName: otel.serviceName.trim(),
    serviceVersion: VERSION,
    traces,
    metrics: enabled && otel.metricsEnabled && endpoint !== '',
    prometheus: prometheus.enabled,
    samplingRatio: otel.samplingRatio,
    maxForcedPerSecond: otel.maxForcedPerSecond,
    propagateUpstream: traces && otel.propagateUpstream,
    exportTimeoutMs: otel.exportTimeoutMs,
    metricIntervalMs: otel.metricExportIntervalMs,
    latestGenAi: otel.semconvOptIn.split(',').some((name) => name.trim() === 'gen_ai_latest_experimental'),
  }
  if (!enabled) return { telemetry, prometheus }
  if (protocol !== 'http/json' && protocol !== 'http/protobuf') {
    wrong(
      `${PATH}.protocol`,
      `${PATH}.protocol must be http/protobuf or http/json (got ${quote(otel.protocol)})`,
    )
  }
  if (otel.serviceName.trim() === '') {
    wrong(`${PATH}.service_name`, `${PATH}.service_name is required when ${PATH}.enabled=true`)
  }
  if (!exports && !otel.prometheusEnabled) {
    wrong(PATH, `${PATH} requires traces_enabled, metrics_enabled, and/or prometheus_enabled when enabled`)
  }
  checkNumbers(otel, wrong)
  if (adminAddress.trim() !== '' && !/^(?:\[[0-9a-f:]+\]|[^:]+):\d{1,5}$/i.test(adminAddress.trim())) {
    const name = 'observability.admin_address'
    wrong(name, `${name} must be host:port (got ${quote(adminAddress)})`)
  }
  if (otel.prometheusEnabled) checkPath(otel.prometheusPath, prefixes, wrong)
  return { telemetry, prometheus }
}

/** Checks how the log is written. */
export function checkLog({ logLevel, logFormat }: RawObservability, wrong: Wrong): LogStyle {
  const level = logLevel.trim().toUpperCase()
  const format = logFormat.trim().toLowerCase()
  if (level !== 'INFO' && level !== 'WARN' && level !== 'ERROR') {
    const name = 'observability.log_level'
    wrong(name, `${name} must be one of info, warn, error (got ${quote(logLevel)})`)
  }
  if (format !== 'json' && format !== 'text') {
    const name = 'observability.log_format'
    wrong(name, `${name} must be json or text (got ${quote(logFormat)})`)
  }
  return {
    level: level === 'WARN' || level === 'ERROR' ? level : 'INFO',
    format: format === 'text' ? 'text' : 'json',
  }
}

/** The collector's base URL; empty for none. */
function readEndpoint(
  { endpoint, insecure, prometheusEnabled }: RawObservability['otel'],
  wrong: Wrong,
): string {
  const text = endpoint.trim()
  const field = `${PATH}.endpoint`
  if (text === '') {
    if (!prometheusEnabled) wrong(field, `${field} is required when ${PATH}.enabled=true`)
    return ''
  }
  const url = text.includes('://') ? text : `${insecure ? 'http' : 'https'}://${text}`
  if (!URL.canParse(url)) {
    wrong(field, `${field} must include host (got ${quote(endpoint)})`)
    return ''
  }
  const { protocol, host, pathname } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') {
    const scheme = quote(protocol.slice(0, -1))
    wrong(field, `${field} scheme must be http or https when provided (got ${scheme})`)
    return ''
  }
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`
}

function checkNumbers(otel: RawObservability['otel'], wrong: Wrong): void {
  const ratio = otel.samplingRatio
  if (!(ratio >= 0 && ratio <= 1)) {
    const got = Number.isFinite(ratio) ? ratio.toFixed(6) : ratio > 0 ? '+Inf' : '-Inf'
    wrong(`${PATH}.sampling_ratio`, `${PATH}.sampling_ratio must be between 0 and 1 (got ${got})`)
  }
  for (const [name, value, least] of [
    ['export_timeout_ms', otel.exportTimeoutMs, 1],
    ['metric_export_interval_ms', otel.metricExportIntervalMs, 1],
    ['max_forced_per_second', otel.maxForcedPerSecond, 0],
  ] as const) {
    if (value < least)
      wrong(`${PATH}.${name}`, `${PATH}.${name} must be ${least === 1 ? '> 0' : '>= 0'} (got ${value})`)
  }
}

function checkPath(path: string, prefixes: readonly string[], wrong: Wrong): void {
  const target = path.trim()
  const field = `${PATH}.prometheus_path`
  if (!target.startsWith('/')) return wrong(field, `${field} must start with '/' (got ${quote(path)})`)
  const taken = ['/api', ...prefixes.map((prefix) => normalisePrefix(prefix))]
  const over = taken.find((prefix) => hasPrefix(target, prefix))
  if (over) wrong(field, `${field} must not overlap with ${over} (got ${quote(path)})`)
  return undefined
}
