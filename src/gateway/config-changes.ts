import type { Config } from '../config/config.ts'

/** Names of settings that differ: those that take effect at once, and those that need a restart. */
export interface ConfigChanges {
  readonly changed: readonly string[]
  readonly needRestart: readonly string[]
}

/** Compares two configurations. */
export function configChanges(before: Config, after: Config): ConfigChanges {
  return {
    changed: differing(live(before), live(after)),
    needRestart: differing(fixed(before), fixed(after)),
  }
}

/** A new configuration. Settings that need a restart keep their values in force, except telemetry and the log, which are never read again. */
export function withFixedSettings(before: Config, after: Config): Config {
  const { host, port, keepAliveMs } = before.server
  const { backend, redisUrl, redisNamespace } = before.limits
  return {
    ...after,
    server: { ...after.server, host, port, keepAliveMs },
    storage: before.storage,
    limits: { ...after.limits, backend, redisUrl, redisNamespace },
  }
}

function fixed(config: Config): Record<string, unknown> {
  return {
    'server.host': config.server.host,
    'server.port': config.server.port,
    'server.keep_alive_ms': config.server.keepAliveMs,
    storage: config.storage,
    'tracing.journal': config.tracing.journal,
    observability: [config.telemetry, config.prometheus, config.log],
    'limits.backend': [config.limits.backend, config.limits.redisUrl, config.limits.redisNamespace],
  }
}

function live(config: Config): Record<string, unknown> {
  return {
    server: { ...config.server, host: '', port: 0, keepAliveMs: 0 },
    providers: config.providers,
    models: config.models,
    routing: config.routing,
    tracing: { ...config.tracing, journal: undefined },
    retention: config.retention,
    pricing: { ...config.pricing, list: config.pricing.list?.sha256 },
    pii: config.pii,
    auth: config.auth,
    limits: { ...config.limits, backend: '', redisUrl: '', redisNamespace: '' },
  }
}

function differing(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return Object.keys(after).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}
