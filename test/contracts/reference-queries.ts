import type { Tenant } from '../../src/access/key-store.ts'
import type { Bucket, Group, MeasureOptions } from '../../src/storage/contract/analytics.ts'
import type { TraceFilter } from '../../src/storage/contract/trace-filter.ts'
import { SECOND, T0 } from './reference-traces.ts'

/** One query of the suites. All tenants when `tenant` is absent. */
export interface Query {
  readonly filter: TraceFilter
  readonly options: MeasureOptions
  readonly tenant?: Tenant
}

/** Queries of every kind, served from rollups, from traces, and from both. */
export function queries(): Query[] {
  const minute = 60 * SECOND
  const ranges: TraceFilter[] = [
    {},
    { fromUs: T0 + 3 * 3600 * SECOND },
    { fromUs: T0 + 61 * minute + 7, toUs: T0 + 9 * 24 * 60 * minute + 31 * minute },
    { toUs: T0 + 5 * 24 * 3600 * SECOND },
    { fromUs: T0 + 10 * minute, toUs: T0 + 40 * minute },
    { fromUs: T0 + 90 * minute, toUs: T0 + 300 * minute },
  ]
  const filters: TraceFilter[] = [
    {},
    { provider: 'openai', model: 'claude' },
    { client: 'claude-cli' },
    { gatewayKeyId: 'gk-1' },
    { apiKeyHash: 'hash-a', client: 'OpenAI/JS' },
    { sessionId: 's1' },
    { endUser: 'u1' },
    { tags: { team: 'y' } },
    { tags: { team: 'y', env: 'ci' } },
  ]
  const groups: (Group | undefined)[] = [
    undefined,
    'provider',
    'model',
    'workspace',
    'route',
    'key',
    'api_key',
    'session',
    'end_user',
    'client',
    'tag.team',
  ]
  const buckets: (Bucket | undefined)[] = [undefined, 'hour', 'day', 'week', undefined, 'month', undefined]
  const all: Query[] = []
  let turn = 0
  for (const range of ranges) {
    for (const filter of filters) {
      for (const group of groups) {
        turn += 1
        const bucket = buckets[turn % buckets.length]
        all.push({
          filter: { ...filter, ...range },
          options: {
            ...(group ? { group } : {}),
            // One that the rollups have of all, or another dimension.
            ...(group && turn % 4 === 0 ? { secondGroup: pickSecond(group, turn) } : {}),
            ...(bucket ? { bucket } : {}),
            ...(turn % 3 === 0 ? { percentiles: true } : {}),
            ...(turn % 5 === 0 ? { limit: 2 } : {}),
          },
          ...(turn % 2 === 0 ? { tenant: { organizationId: 'org-a', workspaceId: 'w1' } } : {}),
        })
      }
    }
  }
  return all
}

/** Those that differ in what a list looks at: the filter and the tenant. */
export function listQueries(): Query[] {
  return [
    ...new Map(queries().map((query) => [JSON.stringify([query.filter, query.tenant]), query])).values(),
  ]
}

function pickSecond(group: Group, turn: number): Group {
  const others = (['model', 'workspace', 'session', 'tag.team'] as const).filter((other) => other !== group)
  return others[turn % others.length]!
}
