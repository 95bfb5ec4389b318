import { policyProblems, type BudgetTerms, type LimitPolicy } from '../limits/policies/policy.ts'
import type { LimitsConfig } from './config.ts'
import type { StorageConfig } from '../storage/settings.ts'
import type { WebhookConfig } from '../limits/alerts/webhooks.ts'
import { quote } from './scalar.ts'
import type { Wrong } from './validate-providers.ts'

/** A policy in the file, where numbers of a list are texts, or in an API body. */
export interface RawPolicy extends Omit<LimitPolicy, 'budget'> {
  readonly budget: Omit<BudgetTerms, 'warnAt'> & { readonly warnAt: readonly (string | number)[] }
}

interface RawUsageLimit {
  readonly requestsPerMinute: number
  readonly maxTokensPerDay: number
  readonly maxCostUsdPerDay: number
}

/** `limits` in the file, not yet checked. */
export interface RawLimits {
  readonly backend: string
  readonly redisUrl: string
  readonly redisNamespace: string
  readonly backendTimeoutMs: number
  readonly maxWaitMs: number
  readonly perKey: RawUsageLimit
  readonly perWorkspace: RawUsageLimit
  readonly policies: readonly RawPolicy[]
  readonly webhooks: readonly WebhookConfig[]
}

/** Longest wait for room. Clients give up at some time, and a waiting request holds a connection. */
const MAX_WAIT_MS = 60_000

/** Checks `limits`. The original's two limits become policies of their own names. */
export function checkLimits(
  limits: RawLimits,
  driver: StorageConfig['driver'],
  wrong: Wrong,
  doubtful: Wrong,
): LimitsConfig {
  const { backend, redisUrl, redisNamespace } = checkBackend(limits, driver, wrong)
  const policies = limits.policies.map((policy, i) => readPolicy(policy, `limits.policies[${i}]`, wrong))
  const names = new Set(['per_key', 'per_workspace'])
  for (const [i, { name }] of policies.entries()) {
    const path = `limits.policies[${i}].name`
    if (names.has(name)) wrong(path, `${path} is taken (got ${quote(name)})`)
    names.add(name)
  }
  doubtNegative(limits, doubtful)
  limits.webhooks.forEach(({ url }, i) => {
    const path = `limits.webhooks[${i}].url`
    if (!isUrl(url, ['http:', 'https:'])) wrong(path, `${path} must be an http:// or https:// URL`)
  })
  return {
    backend,
    redisUrl,
    redisNamespace,
    backendTimeoutMs: limits.backendTimeoutMs,
    maxWaitMs: limits.maxWaitMs,
    policies: [
      ...usageLimit('per_key', 'key', limits.perKey),
      ...usageLimit('per_workspace', 'workspace', limits.perWorkspace),
      ...policies,
    ],
    webhooks: limits.webhooks,
  }
}

/** Checks where limits are counted, and how long that may take. */
function checkBackend(
  limits: RawLimits,
  driver: StorageConfig['driver'],
  wrong: Wrong,
): Pick<LimitsConfig, 'backend' | 'redisUrl' | 'redisNamespace'> {
  const backend = limits.backend.trim().toLowerCase()
  if (backend !== 'memory' && backend !== 'redis' && backend !== 'postgres') {
    wrong(
      'limits.backend',
      `limits.backend must be one of memory, redis, postgres (got ${quote(limits.backend)})`,
    )
  }
  const redisUrl = limits.redisUrl.trim()
  if (backend === 'redis' && !isUrl(redisUrl, ['redis:', 'rediss:'])) {
    wrong(
      'limits.redis_url',
      'limits.redis_url must be a redis:// or rediss:// URL when limits.backend=redis; write redis://host:6379',
    )
  }
  const redisNamespace = limits.redisNamespace.trim()
  if (!/^[\w.:-]{0,64}$/.test(redisNamespace)) {
    wrong(
      'limits.redis_namespace',
      `limits.redis_namespace must be up to 64 letters, digits, ".", "_", ":" or "-" (got ${quote(redisNamespace)})`,
    )
  }
  if (backend === 'postgres' && driver !== 'postgres') {
    wrong('limits.backend', 'limits.backend=postgres needs storage.driver=postgres')
  }
  if (limits.backendTimeoutMs < 1) {
    const got = limits.backendTimeoutMs
    wrong('limits.backend_timeout_ms', `limits.backend_timeout_ms must be >= 1 (got ${got})`)
  }
  if (limits.maxWaitMs < 0 || limits.maxWaitMs > MAX_WAIT_MS) {
    const got = limits.maxWaitMs
    wrong('limits.max_wait_ms', `limits.max_wait_ms must be between 0 and ${MAX_WAIT_MS} (got ${got})`)
  }
  return { backend: backend as LimitsConfig['backend'], redisUrl, redisNamespace }
}

/** The original takes a negative limit for none. */
function doubtNegative(limits: RawLimits, doubtful: Wrong): void {
  for (const [name, limit] of [
    ['per_key', limits.perKey],
    ['per_workspace', limits.perWorkspace],
  ] as const) {
    for (const [field, value] of [
      ['requests_per_minute', limit.requestsPerMinute],
      ['max_tokens_per_day', limit.maxTokensPerDay],
      ['max_cost_usd_per_day', limit.maxCostUsdPerDay],
    ] as const) {
      const path = `limits.${name}.${field}`
      if (value < 0)
        doubtful(path, `${path} limits nothing (got ${value}); write a number above 0, or 0 for no limit`)
    }
  }
}

/** Checks a policy, and reads numbers that the file holds as texts. */
export function readPolicy(raw: RawPolicy, path: string, wrong: Wrong): LimitPolicy {
  const policy: LimitPolicy = {
    ...raw,
    name: raw.name.trim(),
    match: { ...raw.match, provider: raw.match.provider.trim(), model: raw.match.model.trim().toLowerCase() },
    budget: { ...raw.budget, warnAt: raw.budget.warnAt.map(Number) },
  }
  for (const [member, message] of policyProblems(policy)) {
    wrong(member === '' ? path : `${path}.${member}`, `${path}${member === '' ? '' : '.'}${message}`)
  }
  return policy
}

/** The original's limits. Values not above 0 are off. */
function usageLimit(name: string, per: 'key' | 'workspace', limit: RawUsageLimit): LimitPolicy[] {
  const [requests, tokens, usd] = [
    limit.requestsPerMinute,
    limit.maxTokensPerDay,
    limit.maxCostUsdPerDay,
  ].map((value) => Math.max(0, value)) as [number, number, number]
  if (requests + tokens + usd === 0) return []
  return [
    {
      name,
      per,
      splitBy: '',
      match: { orgId: '', workspaceId: '', keyId: '', provider: '', model: '' },
      requestsPerMinute: requests,
      tokensPerMinute: 0,
      concurrentRequests: 0,
      maxRequestBytes: 0,
      budget: {
        costUsd: usd,
        tokens,
        period: 'day',
        rollingHours: 0,
        timeZone: 'UTC',
        enforcement: 'hard',
        countIncluded: false,
        warnAt: [],
      },
      onBackendFailure: 'deny',
    },
  ]
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}
