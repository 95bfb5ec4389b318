import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { repriced, traceCost } from '../../src/traces/reprice.ts'
import { toStoredBills } from '../../src/traces/stored-bills.ts'
import { priceUsage, type Cost } from '../../src/usage/cost.ts'
import { lineAmount } from '../../src/usage/receipt.ts'
import { isStatedFree } from '../../src/usage/free-models.ts'
import type { ModelNames } from '../../src/usage/model-names.ts'
import { listedModels, PriceList, type ListedModel } from '../../src/usage/price-list.ts'
import { OPERATION_LIST } from '../../src/usage/operation-prices.ts'
import { toNanoUsd } from '../../src/usage/money.ts'
import { BUCKETS, NO_PARTS, UNITS, type Bucket, type ModelUsage, type Unit } from '../../src/usage/usage.ts'
import { NO_RATES } from '../support/own-prices.ts'
import { sampleTrace } from '../support/trace.ts'

// What must be true of every model of every list, whatever it used, at every tier and place.

const TIMES = ['2025-10-01T12:00:00Z', '2026-06-15T02:00:00Z', '2026-11-27T12:00:00Z'].map((time) =>
  Date.parse(time),
)
const TIERS = [undefined, 'default', 'batch', 'flex', 'priority', 'a-new-one']
const PLACES = ['', 'global', 'us', 'eu', 'us-east5', 'ap-southeast-2']
const SIZES = [0, 1, 999, 31_999, 100_001, 250_000, 1_000_000]

/** The list's own keys of each bucket: a rate by another key is borrowed, or follows by a named rule. */
const OWN_KEYS: Readonly<Record<Bucket, string>> = {
  input_uncached: 'input_mtok',
  cache_read: 'cache_read_mtok',
  cache_read_audio: 'cache_audio_read_mtok',
  cache_read_image: 'cache_image_read_mtok',
  cache_write: 'cache_write_mtok',
  cache_write_5m: 'cache_write_mtok',
  cache_write_30m: 'cache_write_30m_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  cache_write_12h: 'cache_write_12h_mtok',
  input_audio: 'input_audio_mtok',
  input_image: 'input_image_mtok',
  input_video: 'input_video_mtok',
  output_text: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
  output_audio: 'output_audio_mtok',
  output_image: 'output_image_mtok',
}

const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: [] })

type Find = (names: ModelNames) => ReturnType<PriceList['find']>

function findAt(vendor: string, at: number): Find {
  const caller = { organizationId: '', workspaceId: '', keyId: '' }
  return (names) => list.find({ provider: vendor, upstreamUrl: '', dialect: 'openai', ...caller, names, at })
}

interface Call {
  readonly model: ListedModel
  readonly at: number
  readonly bills: readonly ModelUsage[]
  readonly tier?: string | undefined
  readonly place?: string
}

function price({ model: { vendor, model }, at, bills, tier, place }: Call): Cost {
  const names = { answered: model, requested: model }
  return priceUsage({ model, names, bills, serviceTier: tier, place, at, find: findAt(vendor, at) })
}

/** What makes a cost a lie, whatever it is of. */
function untruths(cost: Cost): string[] {
  const { status, totalNanoUsd: total, lines, note } = cost
  const sum = toNanoUsd(lines.reduce((amount, line) => amount + lineAmount(line), 0n))
  return [
    (total === null) !== (status === 'unknown') && 'a total although unknown, or none although known',
    total !== null && !(Number.isSafeInteger(total) && total >= 0) && `a total of ${total}`,
    total !== null && total !== sum && 'the total is not the sum of the lines',
    (status === 'exact') !== (note === undefined) && 'a note says why it is not exact, and only then',
    lines.some((line) => 'doubt' in line) && 'a line with a doubt',
  ].filter((found) => found !== false)
}

const bill = (usage: ModelUsage['usage'], units?: ModelUsage['units']): ModelUsage => ({
  usage,
  parts: NO_PARTS,
  ...(units ? { units } : {}),
})

const modelsAt = (at: number): readonly ListedModel[] =>
  listedModels(undefined, at).filter(({ list: name }) => name !== OPERATION_LIST)

test('every kind of token of every model is priced by its own rate, by a named rule, or not exactly', () => {
  const found: string[] = []
  for (const at of TIMES) {
    for (const model of modelsAt(at)) {
      const rates = findAt(model.vendor, at)({ answered: model.model })
      if (isStatedFree(model.vendor, model.model, model.vendor, '')) continue
      // Another list, or another entry, may come before this one.
      const isOwn = rates?.list === model.list && rates.model === model.model && rates.vendor === model.vendor
      for (const bucket of BUCKETS) {
        const cost = price({ model, at, bills: [bill({ [bucket]: 1000 })] })
        const lies = untruths(cost)
        const hasRate = OWN_KEYS[bucket] in model.prices
        const rule = cost.lines.some((line) => 'rule' in line && line.rule !== undefined)
        if (isOwn && cost.status === 'exact' && !hasRate && !rule) lies.push('exact, and borrowed')
        for (const lie of lies) found.push(`${model.vendor} ${model.model} ${bucket}: ${lie}`)
      }
    }
  }
  expect(found).toEqual([])
})

test('every unit, tier, place and size of every model has an honest price', () => {
  const found: string[] = []
  const at = TIMES[2]!
  for (const model of modelsAt(at)) {
    const calls: Omit<Call, 'model' | 'at'>[] = [
      ...UNITS.map((unit) => ({ bills: [bill({}, { [unit]: 3 })] })),
      ...TIERS.map((tier) => ({ tier, bills: [bill({ input_uncached: 10, output_text: 5 })] })),
      ...PLACES.map((place) => ({ place, bills: [bill({ input_uncached: 10, output_text: 5 })] })),
      ...SIZES.map((size) => ({ bills: [bill({ input_uncached: size, output_text: size })] })),
    ]
    for (const call of calls) {
      for (const lie of untruths(price({ model, at, ...call }))) {
        found.push(`${model.vendor} ${model.model} ${JSON.stringify(call)}: ${lie}`)
      }
    }
  }
  expect(found).toEqual([])
})

const anyModel = fc.constantFrom(...TIMES.flatMap((at) => modelsAt(at).map((model) => ({ at, model }))))
const anyUsage = fc.dictionary(fc.constantFrom(...BUCKETS), fc.integer({ min: 1, max: 2000 }), { maxKeys: 5 })
const anyUnits = fc.dictionary(fc.constantFrom<Unit>(...UNITS), fc.integer({ min: 1, max: 9 }), {
  maxKeys: 2,
})
const anyBill = fc
  .tuple(anyUsage, anyUnits)
  .map(([usage, units]) => bill(usage, Object.keys(units).length > 0 ? units : undefined))
const anyTier = fc.constantFrom(...TIERS)
const anyPlace = fc.constantFrom(...PLACES)

test('priced again as it is stored, a call costs the same for the same reasons', () => {
  fc.assert(
    fc.property(
      anyModel,
      fc.array(anyBill, { minLength: 1, maxLength: 4 }),
      anyTier,
      anyPlace,
      ({ model, at }, bills, tier, place) => {
        const cost = price({ model, at, bills, tier, place })
        expect(untruths(cost)).toEqual([])
        const { detail } = sampleTrace()
        const trace = sampleTrace({
          startedAtUs: at * 1000,
          model: model.model,
          requestedModel: model.model,
          costStatus: cost.status,
          costNanoUsd: cost.totalNanoUsd,
          detail: {
            ...detail,
            usage: {
              buckets: {},
              bills: toStoredBills(bills),
              ...(tier === undefined ? {} : { service_tier: tier }),
              place,
            },
            cost: traceCost(cost),
          },
        })
        const again = repriced(trace, findAt(model.vendor, at), '2026-12-01T00:00:00Z')
        // Bills of a kind are stored as one: the receipt may have fewer lines.
        if (again) expect([again.costStatus, again.costNanoUsd]).toEqual([cost.status, cost.totalNanoUsd])
      },
    ),
    { numRuns: 2000 },
  )
})

test('the order of bills changes no total, and parts of a batch cost what the batch costs', () => {
  fc.assert(
    fc.property(
      anyModel,
      fc.array(anyUsage, { minLength: 2, maxLength: 6 }),
      anyTier,
      ({ model, at }, usages, tier) => {
        const bills = usages.map((usage) => bill(usage))
        const totals = (parts: readonly ModelUsage[]): unknown[] => {
          const { status, totalNanoUsd } = price({ model, at, bills: parts, tier })
          return [status, totalNanoUsd]
        }
        const whole = totals(bills)
        expect(totals(bills.toReversed())).toEqual(whole)
        const halves = bills.flatMap(({ usage }) => {
          const part = (share: (tokens: number) => number): ModelUsage =>
            bill(
              Object.fromEntries(
                Object.entries(usage).flatMap(([bucket, tokens]) =>
                  share(tokens) > 0 ? [[bucket, share(tokens)]] : [],
                ),
              ),
            )
          return [part((tokens) => Math.floor(tokens / 2)), part((tokens) => Math.ceil(tokens / 2))]
        })
        expect(totals(halves)).toEqual(whole)
      },
    ),
    { numRuns: 2000 },
  )
})
