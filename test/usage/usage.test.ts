import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { SideObservation } from '../../src/background/side-observation.ts'
import { type WireApi, emptyReading } from '../../src/providers/apis/wire-api.ts'
import { isFree } from '../../src/providers/operation.ts'
import { operationOf } from '../../src/providers/registry.ts'
import { priceUsage } from '../../src/usage/cost.ts'
import { lineAmount } from '../../src/usage/receipt.ts'
import { type Amount, toNanoUsd } from '../../src/usage/money.ts'
import { PriceList } from '../../src/usage/price-list.ts'
import {
  BUCKETS,
  type ModelUsage,
  type Units,
  type Usage,
  addUnits,
  addUsage,
  disjoint,
  inputTokens,
  outputTokens,
} from '../../src/usage/usage.ts'
import { readPath } from '../../src/wire/url/path-readings.ts'
import { ANSWERS } from '../fixtures/answers.ts'
import { NO_RATES } from '../support/own-prices.ts'
import { contentOf, recordedExchanges } from '../support/recorded.ts'

// Every wire API is read the same, however its bytes are cut; buckets and receipts add up, whatever a provider says.

function billsOf(
  api: WireApi,
  mediaType: string,
  bytes: Uint8Array,
  cuts: readonly number[],
): readonly ModelUsage[] {
  const side = new SideObservation('response', api, { mediaType, codings: '' }, 0)
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    void side.piece(bytes.subarray(from, cut), [0, from + 1])
    from = cut
  }
  side.finish()
  return api.meter(side.reading, [])
}

function sums(bills: readonly ModelUsage[]): { buckets: Usage; units: Units; apart: readonly Usage[] } {
  let buckets: Usage = {}
  let units: Units = {}
  for (const bill of bills) {
    if (bill.apart) continue
    buckets = addUsage(buckets, bill.usage)
    units = addUnits(units, bill.units ?? {})
  }
  return { buckets, units, apart: bills.filter((bill) => bill.apart).map((bill) => bill.usage) }
}

describe('documented answers', () => {
  for (const { name, method, path, mediaType, body, buckets, units = {}, apart = [] } of ANSWERS) {
    test(`${name}: the same at every cut`, () => {
      const operation = operationOf(method, readPath(path), false)
      const { api } = operation
      expect([api?.name, isFree(operation)]).toEqual([expect.any(String), false])
      const bytes = Buffer.from(body)
      const expected = { buckets, units, apart }
      expect(sums(billsOf(api!, mediaType, bytes, []))).toEqual(expected)
      for (let cut = 1; cut < bytes.length; cut++)
        expect(sums(billsOf(api!, mediaType, bytes, [cut]))).toEqual(expected)
      const single = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)
      expect(sums(billsOf(api!, mediaType, bytes, single))).toEqual(expected)
    })
  }
})

test('white space before an answer is passed over, however much comes and however it is cut', () => {
  const { api } = operationOf('POST', readPath('/v1/chat/completions'), false)
  const body = JSON.stringify({ usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })
  const bytes = Buffer.from(`${'\n'.repeat(100_000)}${body}`)
  const cuts = Array.from({ length: 1000 }, (_, i) => i * 100)
  for (const mediaType of ['application/json', 'text/plain'])
    expect(sums(billsOf(api!, mediaType, bytes, cuts)).buckets).toEqual({ input_uncached: 3, output_text: 2 })
})

/** What servers, proxies and clients declare, whatever the content is. */
const DECLARED = [
  '',
  'application/json',
  'application/x-ndjson',
  'application/octet-stream',
  'application/vnd.amazon.eventstream',
  'application/x-www-form-urlencoded',
  'text/event-stream',
  'text/html',
  'text/plain',
]

test('an answer is metered by its bytes: the same under every declared type, cut anywhere', () => {
  for (const { name, method, path, body, buckets, units = {}, apart = [] } of ANSWERS) {
    const { api } = operationOf(method, readPath(path), false)
    const bytes = Buffer.from(body)
    const expected = { buckets, units, apart }
    for (const mediaType of DECLARED) {
      const read = (cuts: readonly number[]): unknown => [
        name,
        mediaType,
        sums(billsOf(api!, mediaType, bytes, cuts)),
      ]
      expect(read([])).toEqual([name, mediaType, expected])
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
          expect(read([...cuts].sort((a, b) => a - b))).toEqual([name, mediaType, expected])
        }),
        { numRuns: 10 },
      )
      for (let cut = 1; cut < Math.min(bytes.length, 64); cut++)
        expect(read([cut])).toEqual([name, mediaType, expected])
    }
  }
})

const recorded = recordedExchanges().filter(({ response }) => response.framing !== 'websocket')

test('recorded responses: the same under every declared type, at any cuts', () => {
  for (const exchange of recorded) {
    const { name, request, response } = exchange
    const { api } = operationOf(request.method, readPath(request.path.split('?')[0]!), false)
    if (!api) continue
    const bytes = contentOf(exchange)
    const type = (
      response.headers['content-type'] ??
      (response.framing === 'sse' ? 'text/event-stream' : 'application/json')
    ).split(';')[0]!
    const read = (declared: string, cuts: readonly number[]): unknown => [
      name,
      declared,
      sums(billsOf(api, declared, bytes, cuts)),
    ]
    const [, , whole] = read(type, []) as [string, string, unknown]
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
        const places = [...cuts].sort((a, b) => a - b)
        for (const declared of [type, ...DECLARED])
          expect(read(declared, places)).toEqual([name, declared, whole])
      }),
      { numRuns: 5 },
    )
  }
}, 60_000)

const count = fc.nat(2_000_000)
const counts = fc.record({
  input: count,
  output: count,
  cacheRead: count,
  cacheReadAudio: count,
  cacheReadImage: count,
  cacheWrite: count,
  cacheWrite5m: count,
  cacheWrite30m: count,
  cacheWrite1h: count,
  cacheWrite12h: count,
  reasoning: count,
  inputAudio: count,
  inputImage: count,
  inputVideo: count,
  outputAudio: count,
  outputImage: count,
})

test('whatever a provider counts, buckets are disjoint, positive and come to its totals, and a cut is noted', () => {
  fc.assert(
    fc.property(counts, (given) => {
      const notes: string[] = []
      const { usage } = disjoint(given, notes)
      expect([inputTokens(usage), outputTokens(usage)]).toEqual([given.input, given.output])
      for (const tokens of Object.values(usage)) expect(Number.isSafeInteger(tokens) && tokens > 0).toBe(true)
      const parts = given.cacheRead + given.cacheWrite + given.cacheWrite5m + given.cacheWrite30m
      if (parts > given.input) expect(notes.length).toBeGreaterThan(0)
    }),
  )
})

test('a receipt’s lines come to its total exactly, in integers, for any usage of any bracket and tier', () => {
  const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: [] })
  const models = fc.constantFrom('gpt-5.5', 'gpt-realtime', 'gpt-6-luna', 'gpt-5-nano')
  const tiers = fc.constantFrom(undefined, 'flex', 'priority', 'batch')
  fc.assert(
    fc.property(
      fc.array(counts, { minLength: 1, maxLength: 4 }),
      models,
      tiers,
      fc.nat(50),
      (given, model, serviceTier, searches) => {
        // Sound and images that are written have no price at most models: such a cost is unknown and has no lines.
        const spoken = model === 'gpt-realtime' ? {} : { inputAudio: 0, outputAudio: 0 }
        const bills = given.map((one) => ({
          ...disjoint({ ...one, ...spoken, outputImage: 0 }, []),
          units: { web_searches: searches },
        }))
        const cost = priceUsage({
          model,
          names: { answered: model },
          bills,
          serviceTier,
          find: (names) =>
            list.find({
              provider: 'openai',
              upstreamUrl: '',
              dialect: 'openai',
              organizationId: '',
              workspaceId: '',
              keyId: '',
              names,
              at: 1.79e12,
            }),
        })
        const sum = cost.lines.map(lineAmount).reduce<Amount>((total, amount) => total + amount, 0n)
        expect(toNanoUsd(sum)).toBe(cost.totalNanoUsd!)
        expect(Number.isSafeInteger(cost.totalNanoUsd)).toBe(true)
        const tokens = cost.lines.reduce((total, line) => total + ('tokens' in line ? line.tokens : 0), 0)
        const used = bills.reduce((total, { usage }) => total + inputTokens(usage) + outputTokens(usage), 0)
        expect(tokens).toBe(used)
      },
    ),
  )
})

test('hostile usage objects never make a count negative, fractional or endless', () => {
  const apis = [
    ...new Set(ANSWERS.map(({ method, path }) => operationOf(method, readPath(path), false).api!)),
  ]
  const names = [
    'usage',
    'prompt_tokens',
    'completion_tokens',
    'total_tokens',
    'input_tokens',
    'output_tokens',
    'cache_read_input_tokens',
    'prompt_tokens_details',
    'cached_tokens',
    'usageMetadata',
    'promptTokenCount',
    'billed_units',
    'meta',
    'iterations',
    'data',
    'custom_id',
    'response',
    'body',
    'message',
    'choices',
    'delta',
    'type',
    'candidates',
    'seconds',
    'pages_processed',
    'predictions',
  ]
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, -5, 1.5, 1e300, Number.MAX_SAFE_INTEGER, 'x', '7', true, 3),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 6 }),
    ),
  }))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 8 }), (object) => {
      for (const api of apis) {
        const reading = emptyReading()
        api.readResponse(reading, object)
        api.foldEvent(reading, object, '')
        for (const { usage, units = {} } of api.meter(reading, [])) {
          for (const bucket of BUCKETS) {
            const tokens = usage[bucket]
            expect(tokens === undefined || (Number.isSafeInteger(tokens) && tokens > 0)).toBe(true)
          }
          for (const amount of Object.values(units)) expect(amount >= 0 && Number.isFinite(amount)).toBe(true)
        }
      }
    }),
    { numRuns: 300 },
  )
})
