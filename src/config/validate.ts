import { parseNetwork } from '../access/networks.ts'
import type { RetentionConfig, StorageConfig } from '../storage/settings.ts'
import type { Config } from './config.ts'
import { checkProviderNames } from './provider-names.ts'
import { quote } from './scalar.ts'
import { camelCased } from './setting.ts'
import type { Problem, SettingsDocument } from './settings-document.ts'
import { tooLong } from './too-long.ts'
import { type RawKey, checkAuth } from './validate-auth.ts'
import { checkBrowsers } from './validate-browsers.ts'
import type { Surroundings } from './validate-connection.ts'
import { credentialFiles, openCredentials } from './validate-credentials.ts'
import { type RawModel, checkModels, checkRouting } from './validate-models.ts'
import { type RawLimits, checkLimits } from './validate-limits.ts'
import { type RawPii, checkPii } from './validate-pii.ts'
import { type RawPricing, checkPricing } from './validate-prices.ts'
import { type RawProvider, type Wrong, checkProviders } from './validate-providers.ts'
import { type RawObservability, checkLog, checkTelemetry } from './validate-telemetry.ts'

interface Raw {
  server: Config['server']
  storage: {
    driver: string
    path: string
    dsn: string
    maxConnections: number
    queryTimeoutMs: number
    retention: RetentionConfig
  }
  providers: Record<string, RawProvider>
  models: RawModel[]
  routing: Config['routing']
  tracing: Config['tracing']
  pricing: RawPricing
  observability: RawObservability
  pii: RawPii
  auth: {
    enabled: boolean
    header: string
    acceptIn: string[]
    pepper: string
    previousPepper: string
    allowWeakTokens: boolean
    maxStalenessMs: number
    keys: RawKey[]
  }
  limits: RawLimits
}

/**
 * Checks decoded settings for everything that would make `serve` fail or be unsafe, and builds the `Config`.
 *
 * The texts are the original's if it has one. Problems carry the dotted path. The caller adds lines.
 */
export function validateSettings(
  document: SettingsDocument,
  surroundings: Surroundings,
): {
  readonly config: Config
  readonly problems: readonly Problem[]
  /** Values that work but are probably not intended. */
  readonly warnings: readonly Problem[]
} {
  const raw = camelCased(document.values) as Raw
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const wrong = (path: string, message: string): void => void problems.push({ path, message })
  const doubtful = (path: string, message: string): void => void warnings.push({ path, message })

  const { port, maxBodyBytes, maxHeldBytes, keepAliveMs } = raw.server
  if (port < 1 || port > 65535) wrong('server.port', `server.port must be between 1 and 65535 (got ${port})`)
  checkHost(raw.server.host, wrong)
  for (const problem of tooLong(document.values)) wrong(...problem)
  if (maxBodyBytes < 0)
    wrong('server.max_body_bytes', `server.max_body_bytes must be >= 0 (got ${maxBodyBytes})`)
  if (maxHeldBytes < 1_048_576)
    wrong('server.max_held_bytes', `server.max_held_bytes must be >= 1048576 (got ${maxHeldBytes})`)
  if (keepAliveMs < 1000 || keepAliveMs > 255_000) {
    wrong('server.keep_alive_ms', `server.keep_alive_ms must be between 1000 and 255000 (got ${keepAliveMs})`)
  }
  for (const [name, ms] of [
    ['drain_delay_ms', raw.server.drainDelayMs],
    ['shutdown_timeout_ms', raw.server.shutdownTimeoutMs],
  ] as const) {
    if (ms < 0) wrong(`server.${name}`, `server.${name} must be >= 0 (got ${ms})`)
  }

  for (const [path, value] of [
    ['storage.path', raw.storage.path],
    ['tracing.journal.path', raw.tracing.journal.path],
  ] as const) {
    const home = quote(`\${env:HOME}${value.slice(1)}`)
    if (value.startsWith('~/'))
      wrong(path, `${path} begins with ~, which is not expanded here; write ${home}`)
  }
  for (const text of raw.server.trustedProxies) {
    if (parseNetwork(text)) continue
    const got = quote(text)
    wrong(
      'server.trusted_proxies',
      `server.trusted_proxies must hold addresses and networks (got ${got}); write such as 10.0.0.0/8`,
    )
  }
  const browsers = checkBrowsers(raw.server, wrong)
  const storage = checkStorage(raw, wrong)
  const providers = checkProviders(raw.providers, surroundings, wrong, doubtful)
  const reports = { wrong, doubtful }
  const models = checkModels(raw.models, providers, reports)
  const routing = checkRouting(raw.routing, providers, reports)
  checkProviderNames(raw, Object.keys(raw.providers), doubtful)
  for (const { clientKeyFile } of Object.values(raw.providers))
    if (clientKeyFile.trim() !== '') document.secretFiles.push(clientKeyFile.trim())
  for (const { credentials } of providers) document.secretFiles.push(...credentialFiles(credentials))
  for (const problem of openCredentials(raw.server.host, raw.auth.enabled, providers)) wrong(...problem)
  checkTracing(raw, wrong)
  const streamUsage = streamUsageOf(raw, wrong)
  const pricing = checkPricing(raw.pricing, raw.providers, {
    priceList: surroundings.priceList,
    wrong,
    doubtful,
  })
  const auth = checkAuth(raw, providers, wrong)
  const redaction = checkPii(raw.pii, raw.tracing.captureBodies, wrong)
  const { telemetry, prometheus } = checkTelemetry(
    raw.observability,
    providers.map(({ prefix }) => prefix),
    wrong,
  )
  const limits = checkLimits(raw.limits, storage.driver, wrong, doubtful)

  const masked = raw.pii.headers.denylist.map((name) => name.trim().toLowerCase()).filter(Boolean)
  const credentialFields = providers.map((provider) => provider.credentialHeader).filter(Boolean)
  const always = [...credentialFields, raw.auth.header.trim().toLowerCase()]
  const config: Config = {
    server: { ...raw.server, ...browsers, host: raw.server.host.trim() },
    storage,
    retention: raw.storage.retention,
    providers,
    models,
    routing,
    tracing: {
      ...raw.tracing,
      streamUsage,
      fidelity: fidelityOf(raw, wrong),
      bodyMaxSize: raw.tracing.bodyMaxSize > 0 ? raw.tracing.bodyMaxSize : 1_048_576,
      journal: { ...raw.tracing.journal, path: raw.tracing.journal.path || journalOf(storage) },
    },
    pricing,
    telemetry,
    prometheus,
    log: checkLog(raw.observability, wrong),
    pii: {
      redaction,
      maskedRequestFields: [...new Set([...always, ...(raw.pii.stages.requestHeaders ? masked : [])])],
      maskedResponseFields: [...new Set([...always, ...(raw.pii.stages.responseHeaders ? masked : [])])],
    },
    auth,
    limits,
  }
  return { config, problems, warnings }
}

/** Finds values that a listener rejects, before the start. */
function checkHost(given: string, wrong: Wrong): void {
  const host = given.trim()
  if (host === '') return wrong('server.host', 'server.host must not be empty; write 127.0.0.1')
  const plain = host
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/\/.*$/, '')
    .replace(/^([^:]*|\[.*\]):\d*$/, '$1')
  if (plain === host) return undefined
  const message = `server.host must be a name or an address, without scheme, port and path (got ${quote(given)})`
  return wrong('server.host', `${message}; write ${quote(plain)}`)
}

function checkStorage({ storage }: Raw, wrong: Wrong): StorageConfig {
  const driver = storage.driver.trim()
  checkRetention(storage.retention, wrong)
  if (driver === 'postgres') {
    if (storage.dsn.trim() === '')
      wrong(
        'storage.dsn',
        'storage.dsn is required when storage.driver=postgres; write such as postgres://db.example:5432/ongoingai',
      )
    for (const [name, value] of [
      ['max_connections', storage.maxConnections],
      ['query_timeout_ms', storage.queryTimeoutMs],
    ] as const) {
      if (value < 1) wrong(`storage.${name}`, `storage.${name} must be >= 1 (got ${value})`)
    }
    const { maxConnections, queryTimeoutMs } = storage
    return { driver, dsn: storage.dsn.trim(), maxConnections, queryTimeoutMs }
  }
  if (driver !== 'sqlite') {
    wrong('storage.driver', `storage.driver must be one of sqlite, postgres (got ${quote(storage.driver)})`)
  } else if (storage.path.trim() === '') {
    wrong('storage.path', 'storage.path is required when storage.driver=sqlite; write ./data/ongoingai.db')
  }
  return { driver: 'sqlite', path: storage.path }
}

function checkRetention({ bodies, traces, rollups, audit }: RetentionConfig, wrong: Wrong): void {
  for (const [name, value] of [
    ['bodies.max_age_days', bodies.maxAgeDays],
    ['bodies.max_bytes', bodies.maxBytes],
    ['traces.max_age_days', traces.maxAgeDays],
    ['traces.max_bytes', traces.maxBytes],
    ['rollups.max_age_days', rollups.maxAgeDays],
    ['audit.max_age_days', audit.maxAgeDays],
  ] as const) {
    const path = `storage.retention.${name}`
    if (value < 0) wrong(path, `${path} must be >= 0 (got ${value})`)
  }
  const kept = traces.maxAgeDays === 0 ? Infinity : traces.maxAgeDays
  if (rollups.maxAgeDays > 0 && rollups.maxAgeDays < kept) {
    const path = 'storage.retention.rollups.max_age_days'
    wrong(path, `${path} must not be less than storage.retention.traces.max_age_days`)
  }
}

function fidelityOf({ tracing }: Raw, wrong: Wrong): 'on' | 'off' {
  const given = tracing.fidelity.trim().toLowerCase()
  if (given !== 'on' && given !== 'off')
    wrong('tracing.fidelity', `tracing.fidelity must be on or off (got ${quote(tracing.fidelity)})`)
  return given === 'on' ? 'on' : 'off'
}

function streamUsageOf({ tracing }: Raw, wrong: Wrong): 'leave' | 'inject' {
  const given = tracing.streamUsage.trim().toLowerCase()
  if (given !== 'leave' && given !== 'inject') {
    wrong(
      'tracing.stream_usage',
      `tracing.stream_usage must be leave or inject (got ${quote(tracing.streamUsage)})`,
    )
  }
  return given === 'inject' ? 'inject' : 'leave'
}

function checkTracing({ tracing }: Raw, wrong: Wrong): void {
  if (tracing.queueMaxBytes < 1_048_576) {
    wrong(
      'tracing.queue_max_bytes',
      `tracing.queue_max_bytes must be >= 1048576 (got ${tracing.queueMaxBytes})`,
    )
  }
  if (tracing.flushIntervalMs < 1 || tracing.flushIntervalMs > 60_000) {
    const got = tracing.flushIntervalMs
    wrong('tracing.flush_interval_ms', `tracing.flush_interval_ms must be between 1 and 60000 (got ${got})`)
  }
  if (tracing.journal.maxBytes < 0) {
    wrong(
      'tracing.journal.max_bytes',
      `tracing.journal.max_bytes must be >= 0 (got ${tracing.journal.maxBytes})`,
    )
  }
}

function journalOf(storage: StorageConfig): string {
  if (storage.driver === 'postgres') return './data/journal'
  const slash = storage.path.lastIndexOf('/')
  return slash < 0 ? './journal' : `${storage.path.slice(0, slash)}/journal`
}
