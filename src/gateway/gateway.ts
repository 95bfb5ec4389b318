import type { PipelineDiagnostics } from '../background/diagnostics.ts'
import type { RecorderEnd } from '../background/journal-at-end.ts'
import type { Config } from '../config/config.ts'
import type { FileLock } from '../files/file-lock.ts'
import type { Log } from '../log.ts'
import { claimedStore } from './claimed-store.ts'
import { closeFiles } from './closed-files.ts'
import type { ConfigChanges } from './config-changes.ts'
import { ConfigReload } from './config-reload.ts'
import { Listening } from './listening.ts'
import { openWarnings } from './open-start.ts'
import { apiContext, assemble, type Parts } from './parts.ts'
import { keyedRedaction } from './redaction-key.ts'
import type { ServerContext } from './server.ts'
import { Services, type Service } from './service.ts'
import { starting } from './start-error.ts'
import { targetStates } from './target-overview.ts'
import { VitalsReport } from './vitals-report.ts'

/** A running gateway. */
export interface Gateway {
  /** `http://host:port` as it is reached from this machine. */
  readonly url: string
  diagnostics(): PipelineDiagnostics
  /** Request content that is held now, over all requests and WebSockets. */
  heldBytes(): number
  /** Takes over what can change without a restart; returns the names of the settings that did, and that cannot. */
  reload(config: Config): Promise<ConfigChanges>
  /**
   * Stops: no new exchange, live ones may finish until the time-out, then they are cut and recorded; then all traces
   * are stored or journalled. A second call shortens the first.
   *
   * @param delayMs for how long before that requests are still accepted, although readiness fails
   */
  stop(timeoutMs: number, delayMs?: number): Promise<void>
}

/**
 * Starts a gateway: recorder, query thread, listeners. This is the only place where the parts meet.
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
  for (const warning of openWarnings(config)) log('WARN', warning)
  const redaction = await starting('redaction key', () => keyedRedaction(config))
  const parts = assemble(config, redaction, log)
  const { live, recorder, limits, proxy } = parts
  const vitals = new VitalsReport({
    recorder,
    engine: limits.engine,
    targetStates: () => targetStates(live.config, proxy.chooser),
    openExchanges: () => proxy.open.size,
    logLinesDropped,
  })
  const reload = new ConfigReload(parts)
  let leaving = false
  const { enabled, path, token, adminAddress } = config.prometheus
  const endpoint = enabled
    ? { path, token, scrape: (openMetrics: boolean) => vitals.scrape(openMetrics) }
    : undefined
  const context: ServerContext = {
    proxy,
    get apiSettings() {
      return live.api
    },
    api: apiContext(parts, () => leaving),
    ...(endpoint && adminAddress === '' ? { metrics: endpoint } : {}),
  }
  const listening = new Listening(config, context, endpoint)
  const services = new Services(servicesOf(config, parts, vitals, reload, listening))
  await services.start()

  return {
    url: listening.url,
    diagnostics: () => recorder.diagnostics(),
    heldBytes: () => proxy.held.bytes,
    reload: (next) => reload.take(next),
    async stop(timeoutMs, delayMs = 0) {
      if (leaving) recorder.flush()
      leaving = true
      if (delayMs > 0) await Bun.sleep(delayMs)
      await listening.drain(timeoutMs)
      const startedAt = performance.now()
      const first = !services.stopping
      await services.stop()
      if (first) logEnd(await recorder.stop(), Math.round(performance.now() - startedAt), log)
    },
  }
}

/** The services in the order in which they are started; they are stopped in the reverse order. */
function servicesOf(
  config: Config,
  parts: Parts,
  vitals: VitalsReport,
  reload: ConfigReload,
  listening: Listening,
): readonly Service[] {
  const { live, recorder, queries, keys, uses, credentials, limits, audit, log } = parts
  let claim: FileLock | undefined
  return [
    {
      name: 'store',
      async stop() {
        await queries.close()
        claim?.release()
      },
    },
    limits.counters,
    {
      name: 'recorder',
      async start() {
        keys.foundAtStart(await starting(`${config.storage.driver} storage`, () => recorder.start()))
      },
      // It reports the costs of the last exchanges, so that the counters are complete.
      stop: async () => void (await recorder.stop()),
    },
    { name: 'audit', stop: () => audit.flush() },
    { name: 'key uses', stop: () => uses.stop() },
    {
      name: 'gateway keys',
      start: () => starting('gateway key store', () => keys.configure(config)),
    },
    limits.budgets,
    credentials,
    live,
    ...(config.telemetry.enabled ? [vitals] : []),
    reload,
    {
      name: 'claim of the store',
      // It is given back when the store is closed.
      start: async () => void (claim = await claimedStore(config, log)),
    },
    listening,
  ]
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
