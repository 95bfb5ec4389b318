import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { priceUsage } from '../../src/usage/cost.ts'
import { PriceList } from '../../src/usage/price-list.ts'
import { disjoint, type ModelUsage } from '../../src/usage/usage.ts'
import { NO_RATES } from '../support/own-prices.ts'

// Price cases that were checked against two catalogues.
const FILE = join(import.meta.dir, '../fixtures/price-examples.json')

type Counts = Record<string, number> & { model_tokens?: object }

interface Example {
  readonly id: string
  readonly provider: string
  readonly model: string
  readonly at: string
  readonly usage: Counts
  readonly also?: readonly { readonly model: string; readonly usage: Counts }[]
  readonly service_tier?: string
  readonly requests?: Record<string, number>
  readonly reported?: Record<string, number>
  readonly expected: {
    readonly status: string
    readonly nano_usd?: number
    readonly tolerance_nano_usd?: number
    readonly lines?: readonly { readonly usd_per_million?: number }[]
  }
}

const examples = (JSON.parse(readFileSync(FILE, 'utf8')) as { cases: readonly Example[] }).cases

function billOf(usage: Counts): ModelUsage {
  const lifetimes = usage['cache_write_5m'] !== undefined
  return disjoint(
    {
      input: usage['input_tokens']!,
      output: usage['output_tokens']!,
      cacheRead: usage['cache_read'],
      cacheWrite: lifetimes ? 0 : usage['cache_write'],
      cacheWrite5m: usage['cache_write_5m'],
      cacheWrite1h: usage['cache_write_1h'],
      reasoning: usage['reasoning'],
    },
    [],
  )
}

const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: [] })

describe('price examples', () => {
  for (const {
    id,
    provider,
    model,
    at,
    usage,
    also,
    service_tier: tier,
    requests,
    reported,
    expected,
  } of examples) {
    test(id, () => {
      const usd = reported?.['cost'] ?? (reported?.['cost_in_usd_ticks'] ?? Number.NaN) / 1e10
      const own: ModelUsage = {
        ...billOf(usage),
        ...(requests?.['web_search'] ? { units: { web_searches: requests['web_search'] } } : {}),
        ...(Number.isNaN(usd) ? {} : { reportedUsd: usd }),
      }
      const others = (also ?? []).map((bill) => ({ ...billOf(bill.usage), model: bill.model }))
      const cost = priceUsage({
        model,
        names: { answered: model },
        bills: [own, ...others],
        serviceTier: tier,
        find: (names) =>
          list.find({
            provider,
            upstreamUrl: 'http://127.0.0.1',
            dialect: 'openai',
            organizationId: 'default',
            workspaceId: 'default',
            keyId: '',
            names,
            at: Date.parse(at),
          }),
      })
      expect(cost.status).toBe(
        expected.status === 'reported' ? 'exact' : (expected.status as typeof cost.status),
      )
      expect(cost.totalNanoUsd).toBe(expected.nano_usd ?? null)
    })
  }
})
