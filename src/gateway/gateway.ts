import { KeyAdministration } from '../access/key-administration.ts'
import type { Keyring } from '../access/keyring.ts'
import { parseNetwork } from '../access/networks.ts'
import { AuditTrail } from '../audit/audit-trail.ts'
import type { Config } from '../config/config.ts'
import { GatewayKeys } from './gateway-keys.ts'
import { claimedStore } from './claimed-store.ts'
import { closeFiles } from './closed-files.ts'
import { ledgerOf, limitsLookup, openCounters, seedEstimates, reportWarning } from './limit-services.ts'
import { BrowserPolicy } from '../http/browser-policy.ts'
import { ListenError } from '../http/listen-error.ts'
import { mainListener, metricsListener, type ListenAddress } from './listeners.ts'
import { startMetricsServer, startServer, type ServerContext } from './server.ts'
import type { ApiSettings } from '../api/serve-api.ts'
import { Inspector } from '../inspection/inspector.ts'
import { KeyUses } from './key-uses.ts'
import { BudgetWarnings } from '../limits/alerts/budget-warnings.ts'
import { AdjustmentWatch } from '../limits/adjustment-watch.ts'
import { LimitEngine } from '../limits/limit-engine.ts'
import { budgetNeedsPrices } from '../limits/policies/caller-limits.ts'
import { RollingRoom } from '../limits/counters/rolling-room.ts'
import { Webhooks } from '../limits/alerts/webhooks.ts'
import type { Log } from '../log.ts'
import { PriceFileWatch } from './price-file-watch.ts'
import { PriceLookup, rememberedRates } from './price-lookup.ts'
import { LATE_MS } from '../time/patient-timer.ts'
import { breakOffKeyless } from '../proxy/exchange/break-off-keyless.ts'
import { Deadlines } from '../proxy/upstream/deadlines.ts'
import { HeldContent } from '../proxy/exchange/held-content.ts'
import type { ProxyContext, ProxySettings } from '../proxy/proxy-context.ts'
import { RouteTable } from '../proxy/steps/route.ts'
import { keyedRedaction } from './redaction-key.ts'
import { ShownPaths } from '../redaction/shown-paths.ts'
import { Scopes } from '../redaction/scopes.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { openWarnings } from './open-start.ts'
import { starting } from './start-error.ts'
import type { FileLock } from '../files/file-lock.ts'
import { QueryClient } from '../storage/query-client.ts'
import type { RecorderSettings } from '../background/protocol.ts'
import { setCredentials } from '../traces/provider-credential.ts'
import type { PipelineDiagnostics } from '../background/diagnostics.ts'
import { Recorder, type RecorderEnd } from '../background/recorder.ts'
import type { Scrape } from '../telemetry/prometheus-text.ts'
import type { TelemetrySettings } from '../telemetry/settings.ts'
import { TraceSampler } from '../wire/trace-context.ts'
import type { FiledTable } from '../usage/price-table.ts'
import { VERSION } from '../version.ts'
import { VitalsMonitor } from './vitals-monitor.ts'
import { WORKER_URLS } from './worker-urls.ts'

/** How long cut exchanges may take to be published. */
const CUT_MS = 2000

/** How often a stopping gateway looks whether all is done. */
const SETTLE_MS = 10

/** A running gateway. */
export interface Gateway {
  /** `http://host:port` as it is reached from this machine. */
  readonly url: string
  diagnostics(): PipelineDiagnostics
  /** Request content that is held now, over all requests and WebSockets. */
  heldBytes(): number
  /** Takes over what can change without a restart; returns the names of the settings that did, and that cannot. */
  reload(
    config: Config,
  ): Promise<{ readonly changed: readonly string[]; readonly needRestart: readonly string[] }>
  /**
   * Stops: no new exchange, live ones may finish until the time-out, then they are cut and recorded; then all traces
   * are stored or journalled. A second call shortens the first.
   *
   * @param delayMs for so long before, requests are still taken, but readiness says no
   */
  stop(timeoutMs: number, delayMs?: number): Promise<void>
}

/**
 * Starts a gateway: recorder, query thread, listener. This is the only place where the parts meet.
 *
 * @param logLinesDropped lines that could not be logged, for the metrics
 * @throws ListenError when an address cannot be listened on; StartError when a part cannot be started
 */
export async function startGateway(
  config: Config,
  log: Log,
  logLinesDropped: () => number = () => 0,
): Promise<Gateway> {
  closeFiles(config, log)
  let current = config
  for (const warning of openWarnings(config)) log('WARN', warning)
  let redaction = await starting('redaction key', () => keyedRedaction(config))
  let inspector = inspectorOf(redaction)
  let paths = new ShownPaths(redaction)
  let upstreams = upstreamsOf(config)
  const recorder = new Recorder(
    recorderSettings(config, redaction),
    log,
    {
      priced: (bills) => limits.priced(bills),
      dropped: (ticket) => limits.dropped(ticket),
      keys: (list) => keys?.take(list),
    },
    WORKER_URLS.recorder,
  )
  const audit = new AuditTrail({ store: (events) => recorder.audit(events), log })
  const webhooks = new Webhooks({ receivers: () => current.limits.webhooks, log })
  const queries = new QueryClient(config.storage, WORKER_URLS.query)
  const limitsTimeoutMs = (): number => current.limits.backendTimeoutMs
  const directory = queries.directory()
  const readLedger = ledgerOf(queries)
  const limits = new LimitEngine({
    counters: openCounters(config, directory, readLedger, limitsTimeoutMs, WORKER_URLS.query),
    rollingRoom: new RollingRoom(readLedger),
    policies: () => current.limits.policies,
    timeoutMs: limitsTimeoutMs,
    maxWaitMs: () => current.limits.maxWaitMs,
    warnings: new BudgetWarnings({
      once: (name, untilMs) => directory.once(name, untilMs * 1000, Date.now() * 1000),
      warn: (warning) => reportWarning(warning, audit, webhooks),
    }),
    log,
  })
  const limitRecords = queries.limitRecords()
  const hasLimits = (): boolean =>
    current.limits.policies.length > 0 || (keys?.keyring()?.limits.length ?? 0) > 0
  const adjustments = new AdjustmentWatch({
    load: () => limitRecords.adjustments(),
    take: (list) => limits.adjust(list),
    wanted: hasLimits,
  })
  const prices = new PriceLookup()
  const uses = new KeyUses((used) => recorder.used(used))
  let keys: GatewayKeys | undefined
  let keysChanged = (): void => undefined
  let stopMonitor = (): void => undefined
  let lastVitals = (): void => undefined
  let claim: FileLock | undefined
  let stopWatching = (): void => undefined
  const closeAll = async (): Promise<RecorderEnd> => {
    stopWatching()
    uses.stop()
    adjustments.stop()
    audit.flush()
    inspector?.close()
    stopMonitor()
    lastVitals()
    // The recorder tells what the last exchanges came to; then the counters have it all.
    const end = await recorder.stop()
    await limits.close()
    await queries.close()
    claim?.release()
    return end
  }
  let closing: Promise<RecorderEnd> | undefined
  const close = (): Promise<RecorderEnd> => (closing ??= closeAll())
  await starting(`${config.storage.driver} storage`, () => recorder.start())
  try {
    keys = await starting('gateway key store', () =>
      GatewayKeys.open(config, directory, log, () => keysChanged()),
    )
  } catch (error) {
    await close()
    throw error
  }
  const known = keys
  if (hasLimits()) await Promise.all([adjustments.reload(), seedEstimates(limits, limitRecords)])
  const settings = async (): Promise<ProxySettings> => ({
    ...(await proxySettings(current, known.keyring(), limits, prices)),
    upstreams,
    paths,
    ...(inspector ? { inspector } : {}),
  })
  let leaving = false
  const proxy: ProxyContext = {
    settings: await settings(),
    sink: recorder,
    limits,
    audit,
    keyUsed: (identity) => uses.note(identity),
    deadlines: new Deadlines(),
    held: new HeldContent(),
    keepAliveSeconds: Math.ceil(config.server.keepAliveMs / 1000),
    open: new Set(),
    ...(config.telemetry.enabled ? { traces: beginTraces(config.telemetry) } : {}),
    via: `1.1 ongoingai-${crypto.randomUUID().slice(0, 8)}`,
    draining: false,
    log,
  }
  const monitor = config.telemetry.enabled ? new VitalsMonitor(() => reportVitals()) : undefined
  stopMonitor = () => monitor?.stop()
  if (monitor) lastVitals = () => reportVitals()
  const reportVitals = (): void => {
    const { admitted, refused, backendFailures, waited, warnings } = limits.totals()
    recorder.vitals({
      ...monitor!.read(),
      openExchanges: proxy.open.size,
      limitsAdmitted: admitted,
      limitsRefused: refused,
      limitsWaited: waited,
      limitBackendFailures: backendFailures,
      budgetWarnings: warnings,
      budgetsSpent: limits.spent(),
      logLinesDropped: logLinesDropped(),
    })
  }
  const scrape = (openMetrics: boolean): Promise<Scrape | undefined> => {
    reportVitals()
    return recorder.scrape(openMetrics)
  }
  const { path, token } = config.prometheus
  const endpoint = config.prometheus.enabled ? { path, token, scrape } : undefined
  const context: ServerContext = {
    proxy,
    apiSettings: apiSettings(config, proxy.settings, paths),
    api: {
      version: VERSION,
      startedAt: Date.now(),
      storageDriver: config.storage.driver,
      readerFor: (scope) => (scope ? queries.within(scope) : queries.everywhere()),
      extent: () => queries.extent(),
      diagnostics: () => recorder.diagnostics(),
      tenantDiagnostics: (isShown) => recorder.tenantDiagnostics(isShown),
      keys: new KeyAdministration({
        store: directory,
        peppers: () => known.peppersForNewKeys(current),
        fileKeys: () => current.auth.keys,
        policies: () => current.limits.policies,
        allowWeakTokens: () => current.auth.allowWeakTokens,
      }),
      // The change is done; should the store not answer now, the recorder sees it with its next look.
      keysChanged: () => known.refresh().catch(() => undefined),
      audit,
      auditEvents: queries.audit,
      limits,
      policies: () => current.limits.policies,
      changeBudget: async ({ policy, counter, change }) => {
        await limitRecords.adjust(policy, counter, change, Date.now())
        await adjustments.reload()
      },
      limitsOf: (identity) => proxy.settings.limitsOf(identity),
      keyOf: (scope, keyId) => proxy.settings.keyring?.keyOf(scope, keyId),
      leaving: () => leaving,
    },
    ...(endpoint && config.prometheus.adminAddress === '' ? { metrics: endpoint } : {}),
  }
  const useKeyring = async (): Promise<void> => {
    const keyring = known.keyring()
    // At once, for a key that was revoked; what prices a key's own budget may need comes after.
    proxy.settings = { ...proxy.settings, keyring, limitsOf: limitsLookup(limits) }
    context.apiSettings = apiSettings(current, proxy.settings, paths)
    for (const exchange of proxy.open) breakOffKeyless(exchange, proxy.settings)
    if (known.needPrices()) await useSettings()
  }
  const useSettings = async (): Promise<void> => {
    const next = await settings()
    // Keys may have changed meanwhile: one that was revoked must not come back.
    const keyring = known.keyring()
    proxy.settings = { ...next, keyring }
    context.apiSettings = apiSettings(current, proxy.settings, paths)
    for (const exchange of proxy.open) breakOffKeyless(exchange, proxy.settings)
  }
  const usePriceList = async (list: FiledTable): Promise<void> => {
    current = { ...current, pricing: { ...current.pricing, list } }
    recorder.configure(recorderSettings(current, redaction))
    await useSettings()
    for (const warning of list.warnings) log('WARN', `pricing.file: ${warning}`)
    const { name, version, date } = list.table
    log('INFO', 'price list reloaded', { name, version, date })
    audit.record({ actor: 'system', action: 'config.reload', detail: { changed: ['pricing.file'] } })
  }
  const priceFile = new PriceFileWatch({
    changed: (list) => void usePriceList(list),
    refused: (file, error) =>
      log('ERROR', 'price list not reloaded; the old one stays in force', { file, error }),
  })
  stopWatching = () => priceFile.stop()
  priceFile.follow(config.pricing.file, config.pricing.list?.sha256 ?? '')
  keysChanged = () => void useKeyring()
  // What changed while this was being put together.
  await useKeyring()
  claim = await claimedStore(config, log)
  let server: ReturnType<typeof startServer>
  let metricsServer: ReturnType<typeof startMetricsServer> | undefined
  try {
    const metricsAddress = metricsListener(config)
    if (endpoint && metricsAddress)
      metricsServer = listening(metricsAddress, () =>
        startMetricsServer(config.prometheus.adminAddress, endpoint, context),
      )
    const { host, port } = config.server
    server = listening(mainListener(config), () => startServer(host, port, context))
  } catch (error) {
    void metricsServer?.stop()
    await close()
    throw error
  }

  return {
    url: server.url.href.replace(/\/$/, ''),
    diagnostics: () => recorder.diagnostics(),
    heldBytes: () => proxy.held.bytes,
    async reload(next) {
      const { changed, needRestart } = changes(current, next)
      const { host, port, keepAliveMs } = current.server
      const { backend, redisUrl, redisNamespace } = current.limits
      await known.configure(next)
      current = {
        ...next,
        server: { ...next.server, host, port, keepAliveMs },
        storage: current.storage,
        limits: { ...next.limits, backend, redisUrl, redisNamespace },
      }
      redaction = keyedRedaction(current)
      const before = inspector
      inspector = inspectorOf(redaction)
      paths = new ShownPaths(redaction)
      const unused = upstreams
      upstreams = upstreamsOf(current)
      await useSettings()
      unused.close()
      priceFile.follow(current.pricing.file, current.pricing.list?.sha256 ?? '')
      for (const warning of openWarnings(current)) log('WARN', warning)
      recorder.configure(recorderSettings(current, redaction))
      // Exchanges that began with it may still ask it.
      setTimeout(() => before?.close(), current.server.shutdownTimeoutMs).unref()
      audit.record({
        actor: 'system',
        action: 'config.reload',
        detail: { changed, ...(needRestart.length > 0 ? { need_restart: needRestart } : {}) },
      })
      return { changed, needRestart }
    },
    async stop(timeoutMs, delayMs = 0) {
      if (leaving) recorder.flush()
      leaving = true
      if (delayMs > 0) await Bun.sleep(delayMs)
      proxy.draining = true
      void server.stop()
      void metricsServer?.stop()
      await settle(() => proxy.open.size === 0, timeoutMs)
      for (const exchange of proxy.open) exchange.breakOff('shutting_down')
      await settle(() => proxy.open.size === 0, CUT_MS)
      for (const exchange of proxy.open) exchange.end('upstream_failed', 'shutting_down')
      void server.stop(true)
      const startedAt = performance.now()
      const first = closing === undefined
      const end = await close()
      if (first) logEnd(end, Math.round(performance.now() - startedAt), log)
    },
  }
}

function listening<T>(address: ListenAddress, listen: () => T): T {
  try {
    return listen()
  } catch (error) {
    throw new ListenError(address, error)
  }
}

function logEnd(end: RecorderEnd, ms: number, log: Log): void {
  switch (end.kind) {
    case 'stored':
      return log('INFO', 'flushed pending traces before shutdown', { duration_ms: ms })
    case 'journalled':
      return log('WARN', 'pending traces were journalled without their content before shutdown', {
        duration_ms: ms,
        records: end.records,
      })
    case 'lost':
      return log('ERROR', 'failed to flush pending traces before shutdown', {
        duration_ms: ms,
        records: end.records,
        error: end.reason,
      })
    default:
      return end satisfies never
  }
}

/** Begins the traces of exchanges. */
function beginTraces({
  samplingRatio,
  maxForcedPerSecond,
  traces,
}: TelemetrySettings): NonNullable<ProxyContext['traces']> {
  const sampler = new TraceSampler(traces ? samplingRatio : 0, traces ? maxForcedPerSecond : 0)
  return { begin: (fields) => sampler.begin(fields, performance.now()) }
}

function upstreamsOf({ providers, auth, server }: Config): RouteTable {
  return new RouteTable(providers, {
    gatewayKeyField: auth.header,
    forwardClientFields: server.forwardClientFields,
  })
}

async function proxySettings(
  config: Config,
  keyring: Keyring | undefined,
  engine: LimitEngine,
  lookup: PriceLookup,
): Promise<Omit<ProxySettings, 'paths' | 'upstreams'>> {
  const { unknownModel } = config.pricing
  const budgets = [...config.limits.policies, ...(keyring?.limits ?? [])].some(({ budget }) =>
    budgetNeedsPrices(budget),
  )
  const rates = unknownModel === 'block' || budgets ? rememberedRates(await lookup.open(config)) : undefined
  return {
    inspection: {
      injectStreamUsage: config.tracing.streamUsage === 'inject',
      ...(unknownModel === 'block'
        ? { hasPrice: (exchange, names) => rates!(exchange, names, Date.now()) !== 'unknown' }
        : {}),
    },
    browsers: new BrowserPolicy(config.server),
    keyring,
    gatewayKeyField: config.auth.header,
    maxBodyBytes: config.server.maxBodyBytes,
    maxHeldBytes: config.server.maxHeldBytes,
    forwardCorrelationId: config.server.forwardCorrelationId,
    propagateTrace: config.telemetry.propagateUpstream,
    trustedProxies: config.server.trustedProxies.flatMap((text) => parseNetwork(text) ?? []),
    limitsOf: limitsLookup(engine),
    ratesOf: budgets ? rates : undefined,
  }
}

function apiSettings(config: Config, { keyring, browsers }: ProxySettings, paths: ShownPaths): ApiSettings {
  return {
    keyring,
    gatewayKeyField: config.auth.header,
    paths,
    browsers,
    providers: config.providers,
  }
}

/** Looks at content on its way, when a policy wants that. */
function inspectorOf(redaction: RedactionSettings): Inspector | undefined {
  if (!new Scopes(redaction).guards) return undefined
  return new Inspector(redaction, WORKER_URLS.inspection)
}

function recorderSettings(
  { providers, tracing, storage, retention, pii, pricing, auth, telemetry }: Config,
  redaction: RedactionSettings,
): RecorderSettings {
  return {
    storage,
    retention,
    journalPath: tracing.journal.path,
    journalMaxBytes: tracing.journal.maxBytes,
    queueMaxBytes: tracing.queueMaxBytes,
    flushIntervalMs: tracing.flushIntervalMs,
    captureBodies: tracing.captureBodies,
    bodyMaxSize: tracing.bodyMaxSize,
    redaction,
    telemetry,
    maskedRequestFields: pii.maskedRequestFields,
    maskedResponseFields: pii.maskedResponseFields,
    setCredentials: setCredentials(providers),
    pricing,
    watchKeys: auth.enabled,
  }
}

/** Names of settings that differ: those that take effect at once, and those that need a restart. */
function changes(before: Config, after: Config): { changed: string[]; needRestart: string[] } {
  const fixed = (config: Config): Record<string, unknown> => ({
    'server.host': config.server.host,
    'server.port': config.server.port,
    'server.keep_alive_ms': config.server.keepAliveMs,
    storage: config.storage,
    'tracing.journal': config.tracing.journal,
    observability: [config.telemetry, config.prometheus, config.log],
    'limits.backend': [config.limits.backend, config.limits.redisUrl, config.limits.redisNamespace],
  })
  const live = (config: Config): Record<string, unknown> => ({
    server: { ...config.server, host: '', port: 0, keepAliveMs: 0 },
    providers: config.providers,
    tracing: { ...config.tracing, journal: undefined },
    retention: config.retention,
    pricing: { ...config.pricing, list: config.pricing.list?.sha256 },
    pii: config.pii,
    auth: config.auth,
    limits: { ...config.limits, backend: '', redisUrl: '', redisNamespace: '' },
  })
  const differing = (part: (config: Config) => Record<string, unknown>): string[] => {
    const [old, now] = [part(before), part(after)]
    return Object.keys(now).filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
  }
  return { changed: differing(live), needRestart: differing(fixed) }
}

/** Waits until something is done, or for so long; the time in which the process was paused does not count. */
async function settle(done: () => boolean, timeoutMs: number): Promise<void> {
  let waitedMs = 0
  while (!done() && waitedMs < timeoutMs) {
    const since = performance.now()
    await Bun.sleep(SETTLE_MS)
    waitedMs += Math.min(performance.now() - since, SETTLE_MS + LATE_MS)
  }
}
