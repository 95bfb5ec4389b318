import type { ReadScope, Tenant } from '../../src/access/key-store.ts'
import type { TraceFilter } from '../../src/storage/contract/trace-filter.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { sampleTrace } from '../support/trace.ts'

/** A second in microseconds. */
export const SECOND = 1_000_000

/** When the traces of the suites begin, epoch microseconds. */
export const T0 = Date.parse('2026-02-18T14:00:00Z') * 1000

/** A trace that starts and ends some seconds after `T0`. */
export function at(id: string, second: number, values: Partial<Trace> = {}): Trace {
  return sampleTrace({ id, startedAtUs: T0 + second * SECOND, createdAtUs: T0 + second * SECOND, ...values })
}

/** Traces over three weeks, of several tenants, models, sessions and fates; the same at every call. */
export function manyTraces(count: number): Trace[] {
  // mulberry32: small, and all its bits are good.
  let state = 42
  const random = (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
  const pick = <T>(...values: readonly T[]): T => values[random(values.length)]!
  return Array.from({ length: count }, (_, i) => {
    const startedAtUs = T0 + random(21 * 24 * 60) * 60 * SECOND + random(60) * SECOND
    return sampleTrace({
      id: `trace-${i}`,
      startedAtUs,
      createdAtUs: startedAtUs + random(9) * SECOND,
      organizationId: pick('org-a', 'org-b'),
      workspaceId: pick('w1', 'w2'),
      gatewayKeyId: pick('', 'gk-1', 'gk-2'),
      provider: pick('openai', 'anthropic'),
      model: pick('gpt', 'claude', 'Ünïcode', 'zeta'),
      apiKeyHash: pick('', 'hash-a', 'hash-b'),
      sessionId: pick('', 's1', 's2', 's3'),
      endUser: pick('', 'u1'),
      client: pick('', 'claude-cli', 'OpenAI/JS'),
      tags: pick<Record<string, string>>({}, { team: 'x' }, { team: 'y', env: 'ci' }),
      requestPath: pick('/openai/v1/chat/completions', '/anthropic/v1/messages'),
      api: pick('chat_completions', ''),
      responseStatus: pick(200, 200, 200, 429, 500, 499),
      outcome: pick('completed', 'completed', 'upstream_failed', 'client_aborted'),
      inputTokens: random(5000),
      outputTokens: random(900),
      totalTokens: random(9000),
      cacheReadInputTokens: random(100),
      ...pick<Partial<Trace>>(
        { costNanoUsd: null, costStatus: 'unknown' },
        { costNanoUsd: random(1e9), costStatus: pick('exact', 'estimated') },
        { costNanoUsd: 0, costStatus: 'included', listPriceNanoUsd: pick(null, random(1e9)) },
      ),
      latencyMs: pick(random(2000), random(600_000)),
      timeToFirstTokenMs: random(300),
    })
  })
}

/** Whether a trace belongs to a tenant; to any when absent. */
export function isOf(trace: Trace, tenant: Tenant | undefined): boolean {
  return (
    !tenant || (trace.organizationId === tenant.organizationId && trace.workspaceId === tenant.workspaceId)
  )
}

/** Whether a trace passes a filter. */
export function holds(trace: Trace, filter: TraceFilter): boolean {
  const equal = (a: unknown, b: unknown): boolean => b === undefined || a === b
  return (
    equal(trace.provider, filter.provider) &&
    equal(trace.model, filter.model) &&
    equal(trace.client, filter.client) &&
    equal(trace.gatewayKeyId, filter.gatewayKeyId) &&
    equal(trace.apiKeyHash, filter.apiKeyHash) &&
    equal(trace.sessionId, filter.sessionId) &&
    equal(trace.endUser, filter.endUser) &&
    Object.entries(filter.tags ?? {}).every(([key, value]) => trace.tags[key] === value) &&
    trace.startedAtUs >= (filter.fromUs ?? 0) &&
    trace.startedAtUs <= (filter.toUs ?? Infinity)
  )
}

/** The scope that sees one tenant. */
export function scopeOf({ organizationId, workspaceId }: Tenant): ReadScope {
  return { organizationId, workspaceIds: [workspaceId] }
}
