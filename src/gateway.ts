import type { Keyring } from './access/keyring.ts'
import type { Config } from './config/config.ts'
import { GatewayKeys } from './gateway-keys.ts'
import { startServer, type ServerContext } from './http/server.ts'
import type { ApiSettings } from './http/serve-api.ts'
import type { Log } from './log.ts'
import { canConnect, Deadlines } from './proxy/deadlines.ts'
import type { Inspection } from './proxy/inspect.ts'
import type { ProxyContext, ProxySettings } from './proxy/proxy-context.ts'
import { UpstreamTable } from './proxy/upstream.ts'
import { QueryClient } from './storage/query-client.ts'
import type { RecorderSettings } from './traces/exchange.ts'
import type { PipelineDiagnostics } from './traces/recorder/diagnostics.ts'
import { Recorder } from './traces/recorder/recorder.ts'
import { VERSION } from './version.ts'

/** How long stored and journalled traces may take at the end. */
const FLUSH_TIMEOUT_MS = 10_000

/** How long cut exchanges may take to be published. */
const CUT_MS = 2000

/** A running gateway. */
export interface Gateway {
  /** `http://host:port` as it is reached from this machine. */
  readonly url: string
  diagnostics(): PipelineDiagnostics
  /** Takes over what can change without a restart; returns the names of the settings that did, and that cannot. */
  reload(
    config: Config,
  ): Promise<{ readonly changed: readonly string[]; readonly needRestart: readonly string[] }>
  /**
   * Stops: no new exchange, live ones may finish until the time-out, then they are cut and recorded; then all traces
   * are stored or journalled.
   */
  stop(timeoutMs: number): Promise<void>
}

/**
 * Starts a gateway: recorder, query thread, listener. This is the only place where the parts meet.
 *
 * @throws Error when the store cannot be opened or the address cannot be listened on
 */
export async function startGateway(config: Config, log: Log): Promise<Gateway> {
  let current = config
  const recorder = new Recorder(
    recorderSettings(config),
    log,
    new URL('./traces/recorder/recorder-worker.ts', import.meta.url).href,
  )
  await recorder.start()
  const queries = new QueryClient(config.storage, new URL('./storage/query-worker.ts', import.meta.url).href)
  let keys: GatewayKeys
  try {
    keys = await GatewayKeys.open(config, queries.directory(), log, () => useKeyring())
  } catch (error) {
    await queries.close()
    await recorder.stop(FLUSH_TIMEOUT_MS)
    throw error
  }
  const proxy: ProxyContext = {
    settings: await proxySettings(config, keys.keyring()),
    sink: recorder,
    deadlines: new Deadlines(canConnect),
    open: new Set(),
    via: `1.1 ongoingai-${crypto.randomUUID().slice(0, 8)}`,
    draining: false,
    log,
  }
  const context: ServerContext = {
    proxy,
    apiSettings: apiSettings(config, proxy.settings.keyring),
    api: {
      version: VERSION,
      startedAt: Date.now(),
      storageDriver: config.storage.driver,
      readerFor: (caller) => (caller ? queries.within(caller) : queries.everywhere()),
      extent: () => queries.extent(),
      diagnostics: () => recorder.diagnostics(),
      draining: () => proxy.draining,
    },
  }
  const useKeyring = (): void => {
    const keyring = keys.keyring()
    proxy.settings = { ...proxy.settings, keyring }
    context.apiSettings = apiSettings(current, keyring)
  }
  let server: ReturnType<typeof startServer>
  try {
    server = startServer(config.server.host, config.server.port, context)
  } catch (error) {
    keys.stop()
    await queries.close()
    await recorder.stop(FLUSH_TIMEOUT_MS)
    throw error
  }

  return {
    url: server.url.href.replace(/\/$/, ''),
    diagnostics: () => recorder.diagnostics(),
    async reload(next) {
      const { changed, needRestart } = changes(current, next)
      const { host, port } = current.server
      await keys.configure(next)
      current = { ...next, server: { ...next.server, host, port }, storage: current.storage }
      proxy.settings = await proxySettings(current, keys.keyring())
      context.apiSettings = apiSettings(current, proxy.settings.keyring)
      recorder.configure(recorderSettings(current))
      return { changed, needRestart }
    },
    async stop(timeoutMs) {
      keys.stop()
      proxy.draining = true
      void server.stop()
      await settle(() => proxy.open.size === 0, timeoutMs)
      for (const exchange of proxy.open) exchange.breakOff('shutting_down')
      await settle(() => proxy.open.size === 0, CUT_MS)
      for (const exchange of proxy.open) exchange.end('upstream_failed', 'shutting_down')
      void server.stop(true)
      const startedAt = performance.now()
      await queries.close()
      const flushed = await recorder.stop(FLUSH_TIMEOUT_MS)
      const ms = Math.round(performance.now() - startedAt)
      if (flushed) log('INFO', 'flushed pending traces before shutdown', { duration_ms: ms })
      else
        log('ERROR', 'failed to flush pending traces before shutdown', { timeout: `${FLUSH_TIMEOUT_MS}ms` })
    },
  }
}

async function proxySettings(config: Config, keyring: Keyring | undefined): Promise<ProxySettings> {
  const { unknownModel } = config.pricing
  return {
    inspection: {
      injectStreamUsage: config.tracing.streamUsage === 'inject',
      ...(unknownModel === 'block' ? { hasPrice: await priceLookup(config) } : {}),
    },
    upstreams: new UpstreamTable(config.providers),
    keyring,
    gatewayKeyField: config.auth.header,
    maxBodyBytes: config.server.maxBodyBytes,
    forwardCorrelationId: config.server.forwardCorrelationId,
  }
}

/** The price list is megabytes that the serving thread loads only when a policy asks for prices before a request. */
async function priceLookup({ pricing }: Config): Promise<NonNullable<Inspection['hasPrice']>> {
  const { PriceList } = await import('./usage/price-list.ts')
  const prices = new PriceList(pricing)
  return ({ target, caller }, model) =>
    prices.find({
      provider: target.upstream.name,
      upstreamUrl: target.upstream.url,
      dialect: target.upstream.dialect,
      organizationId: caller.organizationId,
      workspaceId: caller.workspaceId,
      model,
      at: Date.now(),
    }) !== undefined
}

function apiSettings(config: Config, keyring: Keyring | undefined): ApiSettings {
  return { keyring, gatewayKeyField: config.auth.header, corsOrigins: config.server.corsOrigins }
}

function recorderSettings({ tracing, storage, retention, pii, pricing }: Config): RecorderSettings {
  return {
    storage,
    retention,
    journalPath: tracing.journal.path,
    journalMaxBytes: tracing.journal.maxBytes,
    queueMaxBytes: tracing.queueMaxBytes,
    flushIntervalMs: tracing.flushIntervalMs,
    captureBodies: tracing.captureBodies,
    bodyMaxSize: tracing.bodyMaxSize,
    redactionMode: pii.mode,
    redactionPolicyId: pii.policyId,
    maskedRequestFields: pii.maskedRequestFields,
    maskedResponseFields: pii.maskedResponseFields,
    pricing,
  }
}

/** Names of settings that differ: those that take effect at once, and those that need a restart. */
function changes(before: Config, after: Config): { changed: string[]; needRestart: string[] } {
  const fixed = (config: Config): Record<string, unknown> => ({
    'server.host': config.server.host,
    'server.port': config.server.port,
    storage: config.storage,
    'tracing.journal': config.tracing.journal,
  })
  const live = (config: Config): Record<string, unknown> => ({
    server: { ...config.server, host: '', port: 0 },
    providers: config.providers,
    tracing: { ...config.tracing, journal: undefined },
    retention: config.retention,
    pricing: config.pricing,
    pii: config.pii,
    auth: config.auth,
  })
  const differing = (part: (config: Config) => Record<string, unknown>): string[] => {
    const [old, now] = [part(before), part(after)]
    return Object.keys(now).filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
  }
  return { changed: differing(live), needRestart: differing(fixed) }
}

async function settle(done: () => boolean, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs
  while (!done() && performance.now() < until) await Bun.sleep(10)
}
