import type { Tenant } from '../../src/access/key-store.ts'
import type {
  Bucket,
  Group,
  MeasureOptions,
  Measured,
  MeasuredRow,
} from '../../src/storage/contract/analytics.ts'
import type { TraceFilter } from '../../src/storage/contract/trace-filter.ts'
import { LatencyHistogram } from '../../src/storage/rollups/latency-histogram.ts'
import type { Trace } from '../../src/traces/trace.ts'
import { holds, isOf } from './reference-traces.ts'

/** Sums over traces, worked out in the plainest way. */
export function measured(
  traces: readonly Trace[],
  filter: TraceFilter,
  options: MeasureOptions,
  tenant?: Tenant,
): Measured {
  const { group, secondGroup, bucket, limit, percentiles } = options
  // NUL sorts before every text: by the first, then by the second.
  const nameOf = (trace: Trace): string | undefined => {
    const names = [group, secondGroup].map((one) => (one === undefined ? '' : groupOf(trace, one)))
    return names.includes(undefined) ? undefined : names.join('\0')
  }
  const chosen = traces.filter(
    (trace) => isOf(trace, tenant) && holds(trace, filter) && nameOf(trace) !== undefined,
  )
  const byGroup = Map.groupBy(chosen, (trace) => nameOf(trace)!)
  const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
  const ranked = [...byGroup.keys()].sort(
    (a, b) => byGroup.get(b)!.length - byGroup.get(a)!.length || compare(a, b),
  )
  const kept = new Set(group === undefined ? ['\0'] : ranked.slice(0, limit ?? ranked.length))
  const rows = new Map<string, Trace[]>()
  if (group === undefined && bucket === undefined) rows.set('0\n\0', [])
  for (const trace of chosen) {
    const name = nameOf(trace)!
    if (!kept.has(name)) continue
    const key = `${bucket === undefined ? 0 : bucketOf(trace.startedAtUs, bucket)}\n${name}`
    rows.set(key, [...(rows.get(key) ?? []), trace])
  }
  const result = [...rows].map(([key, members]) => {
    const [time, name] = key.split('\n') as [string, string]
    const [first = '', second = ''] = name.split('\0')
    return {
      ...sumUp(members, percentiles === true),
      group: first,
      secondGroup: second,
      bucketStartUs: Number(time),
    }
  })
  result.sort(
    (a, b) =>
      (bucket === undefined && secondGroup === undefined
        ? b.requests - a.requests
        : a.bucketStartUs - b.bucketStartUs) ||
      compare(a.group, b.group) ||
      compare(a.secondGroup, b.secondGroup),
  )
  return { rows: result, more: group !== undefined && limit !== undefined && ranked.length > limit }
}

/** `undefined` for a trace that is in no group. */
function groupOf(trace: Trace, group: Group): string | undefined {
  const named: Record<string, string> = {
    provider: trace.provider,
    model: trace.model,
    workspace: `${trace.organizationId}/${trace.workspaceId}`,
    route: trace.requestPath,
    key: trace.gatewayKeyId,
    api_key: trace.apiKeyHash,
    session: trace.sessionId,
    end_user: trace.endUser,
    client: trace.client,
    'tag.team': trace.tags['team'] ?? '',
  }
  const value = named[group]!
  return value === '' && group !== 'key' ? undefined : value
}

function bucketOf(us: number, bucket: Bucket): number {
  const date = new Date(us / 1000)
  if (bucket === 'hour') date.setUTCMinutes(0, 0, 0)
  else date.setUTCHours(0, 0, 0, 0)
  if (bucket === 'month') date.setUTCDate(1)
  if (bucket === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return date.getTime() * 1000
}

function sumUp(
  traces: readonly Trace[],
  percentiles: boolean,
): Omit<MeasuredRow, 'group' | 'secondGroup' | 'bucketStartUs'> {
  const sum = (of: (trace: Trace) => number): number => traces.reduce((all, trace) => all + of(trace), 0)
  const most = (of: (trace: Trace) => number): number => Math.max(0, ...traces.map(of))
  const least = traces.length === 0 ? 0 : Math.min(...traces.map((trace) => trace.latencyMs))
  const histogram = new LatencyHistogram()
  for (const trace of traces) histogram.add(trace.latencyMs)
  const [p50 = 0, p95 = 0, p99 = 0] = histogram
    .percentiles([0.5, 0.95, 0.99])
    .map((ms) => Math.max(ms, least))
  return {
    requests: traces.length,
    inputTokens: sum((trace) => trace.inputTokens),
    outputTokens: sum((trace) => trace.outputTokens),
    totalTokens: sum((trace) => trace.totalTokens),
    cacheReadInputTokens: sum((trace) => trace.cacheReadInputTokens),
    cacheCreationInputTokens: sum((trace) => trace.cacheCreationInputTokens),
    reasoningTokens: sum((trace) => trace.reasoningTokens),
    costNanoUsd: sum((trace) => trace.costNanoUsd ?? 0),
    unknownCostRequests: sum((trace) => (trace.costNanoUsd === null ? 1 : 0)),
    estimatedCostRequests: sum((trace) => (trace.costStatus === 'estimated' ? 1 : 0)),
    includedRequests: sum((trace) => (trace.costStatus === 'included' ? 1 : 0)),
    listPriceNanoUsd: sum((trace) => trace.listPriceNanoUsd ?? 0),
    unmeteredRequests: sum((trace) => (trace.api === '' && trace.costNanoUsd === null ? 1 : 0)),
    errors4xx: sum(({ responseStatus }) => (responseStatus >= 400 && responseStatus < 500 ? 1 : 0)),
    errors5xx: sum(({ responseStatus }) => (responseStatus >= 500 ? 1 : 0)),
    failedAnswers: sum(({ outcome, responseStatus }) =>
      (outcome === 'upstream_failed' || outcome === 'refused') && responseStatus < 400 ? 1 : 0,
    ),
    latencyMs: sum((trace) => trace.latencyMs),
    timeToFirstTokenMs: sum((trace) => trace.timeToFirstTokenMs),
    minLatencyMs: least,
    maxLatencyMs: most((trace) => trace.latencyMs),
    maxDurationUs: most((trace) => trace.createdAtUs - trace.startedAtUs),
    lastCreatedAtUs: most((trace) => trace.createdAtUs),
    ...(percentiles ? { percentiles: { p50, p95, p99 } } : {}),
  }
}
