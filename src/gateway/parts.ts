import { KeyAdministration } from '../access/key-administration.ts'
import type { ApiContext } from '../api/api-context.ts'
import { AuditTrail } from '../audit/audit-trail.ts'
import { Recorder } from '../background/recorder.ts'
import type { Config } from '../config/config.ts'
import { HeldCredentials } from '../credentials/held-credentials.ts'
import type { Log } from '../log.ts'
import { Deadlines } from '../proxy/upstream/deadlines.ts'
import { TargetTraffic } from '../proxy/targets/target-traffic.ts'
import { TargetChooser } from '../proxy/targets/chooser.ts'
import { HeldContent } from '../proxy/exchange/held-content.ts'
import type { ProxyContext } from '../proxy/proxy-context.ts'
import type { RedactionSettings } from '../redaction/settings.ts'
import { QueryClient } from '../storage/query-client.ts'
import type { TelemetrySettings } from '../telemetry/settings.ts'
import { targetOverview } from './target-overview.ts'
import { VERSION } from '../version.ts'
import { TraceSampler } from '../wire/trace-context.ts'
import { GatewayKeys } from './gateway-keys.ts'
import { KeyUses } from './key-uses.ts'
import { openLimits, type Limits } from './limit-services.ts'
import { LiveSettings } from './live-settings.ts'
import { recorderSettings } from './recorder-settings.ts'
import { WORKER_URLS } from './worker-urls.ts'

/** The parts of a gateway, put together and not started yet. */
export interface Parts {
  readonly live: LiveSettings
  readonly recorder: Recorder
  readonly queries: QueryClient
  readonly keys: GatewayKeys
  readonly uses: KeyUses
  readonly credentials: HeldCredentials
  readonly limits: Limits
  readonly audit: AuditTrail
  readonly proxy: ProxyContext
  readonly log: Log
}

/** Puts the parts of a gateway together. @param redaction the settings of redaction with their key */
export function assemble(config: Config, redaction: RedactionSettings, log: Log): Parts {
  const recorder = new Recorder(
    recorderSettings(config, redaction, []),
    log,
    {
      priced: (bills) => limits.engine.priced(bills),
      dropped: (ticket) => limits.engine.dropped(ticket),
      keys: (list) => keys.take(list),
    },
    WORKER_URLS.recorder,
  )
  const audit = new AuditTrail({ store: (events) => recorder.audit(events), log })
  const queries = new QueryClient(config.storage, WORKER_URLS.query)
  const keys = new GatewayKeys(config.auth, queries.directory(), log, () => void live.keysChanged())
  const limits = openLimits(config, {
    config: () => live.config,
    queries,
    audit,
    keyLimits: () => keys.keyring()?.limits ?? [],
    log,
  })
  const uses = new KeyUses((used) => recorder.used(used))
  const open: ProxyContext['open'] = new Set()
  const chooser = new TargetChooser(config.routing)
  const credentials = new HeldCredentials(config.providers, log, () =>
    recorder.configure(recorderSettings(live.config, live.redaction, credentials.revealAll())),
  )
  const live = new LiveSettings(config, redaction, {
    keys,
    engine: limits.engine,
    chooser,
    credentials,
    open,
  })
  const proxy: ProxyContext = {
    get settings() {
      return live.proxy
    },
    sink: recorder,
    limits: limits.engine,
    audit,
    keyUsed: (identity) => uses.note(identity),
    deadlines: new Deadlines(),
    chooser,
    targetTraffic: new TargetTraffic(),
    held: new HeldContent(),
    keepAliveSeconds: Math.ceil(config.server.keepAliveMs / 1000),
    open,
    ...(config.telemetry.enabled ? { traces: beginTraces(config.telemetry) } : {}),
    via: `1.1 ongoingai-${crypto.randomUUID().slice(0, 8)}`,
    draining: false,
    log,
  }
  return { live, recorder, queries, keys, uses, credentials, limits, audit, proxy, log }
}

/** What the management API needs. @param leaving whether the gateway is stopping, or will in a moment */
export function apiContext(parts: Parts, leaving: () => boolean): ApiContext {
  const { live, recorder, queries, keys, limits, credentials, audit, proxy } = parts
  return {
    version: VERSION,
    startedAt: Date.now(),
    storageDriver: live.config.storage.driver,
    readerFor: (scope) => (scope ? queries.within(scope) : queries.everywhere()),
    extent: () => queries.extent(),
    diagnostics: () => recorder.diagnostics(),
    tenantDiagnostics: (isShown) => recorder.tenantDiagnostics(isShown),
    keys: new KeyAdministration({
      store: queries.directory(),
      peppers: () => keys.peppersForNewKeys(live.config),
      fileKeys: () => live.config.auth.keys,
      policies: () => live.config.limits.policies,
      allowWeakTokens: () => live.config.auth.allowWeakTokens,
    }),
    // The change is stored. If the store does not respond now, the recorder sees the change at its next poll.
    keysChanged: () => keys.refresh().catch(() => undefined),
    audit,
    auditEvents: queries.audit,
    limits: limits.engine,
    policies: () => live.config.limits.policies,
    changeBudget: limits.changeBudget,
    limitsOf: (identity) => proxy.settings.limitsOf(identity),
    targets: (isShown) =>
      targetOverview(live.config, proxy.targetTraffic.counts(isShown), {
        chooser: proxy.chooser,
        poolOf: (provider) => credentials.poolOf(provider),
      }),
    keyOf: (scope, keyId) => proxy.settings.keyring?.keyOf(scope, keyId),
    leaving,
  }
}

/** Begins the traces of exchanges. */
function beginTraces(settings: TelemetrySettings): NonNullable<ProxyContext['traces']> {
  const { samplingRatio, maxForcedPerSecond, traces } = settings
  const sampler = new TraceSampler(traces ? samplingRatio : 0, traces ? maxForcedPerSecond : 0)
  return { begin: (fields) => sampler.begin(fields, performance.now()) }
}
