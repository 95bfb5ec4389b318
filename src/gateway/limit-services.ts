import { ANONYMOUS, type Identity } from '../access/keyring.ts'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { Config } from '../config/config.ts'
import { AdjustmentWatch } from '../limits/adjustment-watch.ts'
import { type BudgetWarning, BudgetWarnings } from '../limits/alerts/budget-warnings.ts'
import { Webhooks } from '../limits/alerts/webhooks.ts'
import type { BudgetChange } from '../limits/budget-changes.ts'
import type { Counters, ReadLedger } from '../limits/counters/counters.ts'
import { MemoryCounters } from '../limits/counters/memory-counters.ts'
import { RedisBackend } from '../limits/counters/redis-backend.ts'
import { RollingRoom } from '../limits/counters/rolling-room.ts'
import { type SharedBackend, SharedCounters } from '../limits/counters/shared-counters.ts'
import { LimitEngine } from '../limits/limit-engine.ts'
import type { CallerLimits } from '../limits/policies/caller-limits.ts'
import type { LimitPolicy } from '../limits/policies/policy.ts'
import { spenderOf } from '../limits/policies/subject.ts'
import type { Log } from '../log.ts'
import type { ProxySettings } from '../proxy/proxy-context.ts'
import type { LimitRecords } from '../storage/contract/limit-records.ts'
import type { TenantDirectory } from '../storage/contract/tenant-directory.ts'
import { limitsStorage } from '../storage/open-storage.ts'
import { QueryClient } from '../storage/query-client.ts'
import { formatSecond } from '../time/rfc3339.ts'
import { withTimeout } from '../time/with-timeout.ts'
import type { Service } from './service.ts'
import { WORKER_URLS } from './worker-urls.ts'

/** What limits need around them. */
export interface LimitPorts {
  /** The configuration in force. */
  readonly config: () => Config
  readonly queries: QueryClient
  readonly audit: AuditTrail
  /** Limits of keys, all together. */
  readonly keyLimits: () => readonly LimitPolicy[]
  readonly log: Log
}

/** Limits and budgets, and the services that they are. */
export interface Limits {
  readonly engine: LimitEngine
  /** Stores a change of a budget and takes it over. */
  readonly changeBudget: (change: BudgetChange) => Promise<void>
  /** The counters: closed when the recorder has reported what the last exchanges cost. */
  readonly counters: Service
  /** What the store knows of budgets: read when keys are known. */
  readonly budgets: Service
}

/** Makes the limits of a gateway. @param config the configuration of the start: it names the backend */
export function openLimits(config: Config, ports: LimitPorts): Limits {
  const { queries, audit, keyLimits, log } = ports
  const webhooks = new Webhooks({ receivers: () => ports.config().limits.webhooks, log })
  const timeoutMs = (): number => ports.config().limits.backendTimeoutMs
  const policies = (): readonly LimitPolicy[] => ports.config().limits.policies
  const directory = queries.directory()
  const readLedger = ledgerOf(queries)
  const engine = new LimitEngine({
    counters: openCounters(config, directory, readLedger, timeoutMs),
    rollingRoom: new RollingRoom(readLedger),
    policies,
    timeoutMs,
    maxWaitMs: () => ports.config().limits.maxWaitMs,
    warnings: new BudgetWarnings({
      once: (name, untilMs) => directory.once(name, untilMs * 1000, Date.now() * 1000),
      warn: (warning) => reportWarning(warning, audit, webhooks),
    }),
    log,
  })
  const records = queries.limitRecords()
  const wanted = (): boolean => policies().length > 0 || keyLimits().length > 0
  const adjustments = new AdjustmentWatch({
    load: () => records.adjustments(),
    take: (list) => engine.adjust(list),
    wanted,
  })
  return {
    engine,
    changeBudget: async ({ policy, counter, change }) => {
      await records.adjust(policy, counter, change, Date.now())
      await adjustments.reload()
    },
    counters: {
      name: 'counters',
      stop() {
        adjustments.stop()
        return engine.close()
      },
    },
    budgets: {
      name: 'budgets',
      async start() {
        if (wanted()) await Promise.all([adjustments.reload(), seedEstimates(engine, records)])
      },
    },
  }
}

/** The store's ledger. */
function ledgerOf(queries: QueryClient): ReadLedger {
  return async (subjects, fromMs, except) =>
    (await queries.spent(subjects, fromMs * 1000, except)).map((slot) => ({
      subject: slot.subject,
      slotMs: slot.slotUs / 1000,
      costNanoUsd: slot.costNanoUsd + slot.assumedNanoUsd,
      tokens: slot.tokens,
    }))
}

/**
 * Counters of the backend that the settings name, over a ledger.
 *
 * @param timeoutMs how long a shared backend may take to respond
 */
function openCounters(
  { limits, storage }: Config,
  directory: TenantDirectory,
  readLedger: ReadLedger,
  timeoutMs: () => number,
): Counters {
  switch (limits.backend) {
    case 'memory':
      return new MemoryCounters(crypto.randomUUID(), readLedger)
    case 'redis': {
      const { redisUrl, redisNamespace } = limits
      const namespace = async (): Promise<string> =>
        redisNamespace || `ongoingai:${await directory.installationId()}`
      return new SharedCounters(new RedisBackend(redisUrl, namespace, timeoutMs), readLedger)
    }
    case 'postgres': {
      // A thread and connections of its own: no request waits for a report.
      const own = new QueryClient(limitsStorage(storage), WORKER_URLS.query)
      const apply: SharedBackend['apply'] = (operation, request) =>
        own.limits(operation, request, timeoutMs())
      return new SharedCounters({ apply, close: () => own.close() }, readLedger)
    }
    default:
      return limits.backend satisfies never
  }
}

/** Days of the rollups that estimates begin with, how many averages, and how long the start waits for them. */
const SEED_DAYS = 7
const MAX_SEEDS = 10_000
const SEED_MS = 1000

/** Lets estimates begin with the recent averages. If the store does not respond, they begin with nothing. */
async function seedEstimates(limits: LimitEngine, records: LimitRecords): Promise<void> {
  const sinceUs = (Date.now() - SEED_DAYS * 86_400_000) * 1000
  try {
    const averages = await withTimeout(records.averages(sinceUs, MAX_SEEDS), SEED_MS)
    limits.seed(
      averages.map(({ keyId, provider, model, costNanoUsd, outputTokens, ...tenant }) => ({
        pair: `${spenderOf(tenant, keyId)} ${provider} ${model}`,
        costNanoUsd,
        outputTokens,
      })),
    )
  } catch {
    // The first requests are estimated by their own size and output limit.
  }
}

/** Reports a budget that is nearly spent to the log, the audit trail and the webhooks. */
function reportWarning(warning: BudgetWarning, audit: AuditTrail, webhooks: Webhooks): void {
  const { share, standing, subject, organizationId, workspaceId } = warning
  const action = share >= 1 ? 'budget.spent' : 'budget.warning'
  const detail = { share, subject, ...standing }
  audit.record({ actor: 'system', action, organizationId, workspaceId, target: standing.name, detail })
  webhooks.send(Bun.randomUUIDv7(), {
    type: action,
    at: formatSecond(Date.now() * 1000),
    org_id: organizationId,
    workspace_id: workspaceId,
    ...detail,
  })
}

/** The limits of callers, worked out once for each. */
export function limitsLookup(engine: LimitEngine): ProxySettings['limitsOf'] {
  const anonymous = engine.limitsOf({ caller: ANONYMOUS, counterId: '' }, [])
  const known = new WeakMap<Identity, CallerLimits>()
  return (identity) => {
    if (!identity) return anonymous
    const before = known.get(identity)
    if (before) return before
    const limits = engine.limitsOf(identity, identity.limits)
    known.set(identity, limits)
    return limits
  }
}
