import { expect, test } from 'bun:test'
import { readTraceParent, injectTraceParent, TraceSampler, type TraceContext } from './trace-context.ts'

const ID = '0af7651916cd43dd8448eb211c80319c'

test('a traceparent is read as the recommendation has it', () => {
  const read = (text: string): unknown => readTraceParent(text)
  expect(read(`00-${ID}-b7ad6b7169203331-01`)).toEqual({
    traceId: ID,
    parentSpanId: 'b7ad6b7169203331',
    sampled: true,
  })
  expect(read(` 00-${ID}-b7ad6b7169203331-00 `)).toMatchObject({ sampled: false })
  expect(read(`00-${ID}-b7ad6b7169203331-03`)).toMatchObject({ sampled: true })
  // A later version may have more behind it.
  expect(read(`cc-${ID}-b7ad6b7169203331-01-what-the-future-will-be`)).toMatchObject({ traceId: ID })
  for (const wrong of [
    '',
    'x',
    `ff-${ID}-b7ad6b7169203331-01`,
    `00-${ID}-b7ad6b7169203331-01-more`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${ID}-${'0'.repeat(16)}-01`,
    `00-${ID.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${ID}-b7ad6b7169203331`,
    `00-${ID}-b7ad6b716920333-01`,
  ]) {
    expect([wrong, read(wrong)]).toEqual([wrong, undefined])
  }
})

test('what begins here is kept by the ratio, whatever the ids', () => {
  for (const ratio of [0, 0.25, 1]) {
    const sampler = new TraceSampler(ratio, 0)
    let kept = 0
    for (let i = 0; i < 4000; i++) if (sampler.begin({}, 0).sampled) kept += 1
    expect(Math.abs(kept / 4000 - ratio)).toBeLessThan(0.05)
  }
})

test('callers decide, but force no more than so many a second', () => {
  const sampler = new TraceSampler(0, 3)
  const forced = (nowMs: number): boolean =>
    sampler.begin({ traceparent: `00-${ID}-b7ad6b7169203331-01` }, nowMs).sampled
  expect([forced(0), forced(1), forced(2), forced(3), forced(999), forced(1000)]).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
  ])
  const all = new TraceSampler(1, 0)
  expect(all.begin({ traceparent: `00-${ID}-b7ad6b7169203331-00` }, 0)).toMatchObject({
    traceId: ID,
    sampled: false,
  })
})

const begin = (fields: Record<string, string>): TraceContext => new TraceSampler(1, 0).begin(fields, 0)

test('a tracestate that is too long loses whole entries', () => {
  const traceparent = `00-${ID}-b7ad6b7169203331-01`
  const entry = `a=${'x'.repeat(200)}`
  const states = [entry, `${entry},${entry}`, `${entry},${entry},${entry}`, 'x'.repeat(9000)]
  expect(states.map((tracestate) => begin({ traceparent, tracestate }).traceState)).toEqual([
    entry,
    `${entry},${entry}`,
    `${entry},${entry}`,
    '',
  ])
})

test('an upstream gets the client span, and no state of another trace', () => {
  const continued = { traceparent: `00-${ID}-b7ad6b7169203331-01`, tracestate: 'vendor=1' }
  const context = begin(continued)
  injectTraceParent(continued, context, 'aaaaaaaaaaaaaaaa')
  expect(continued).toEqual({ traceparent: `00-${ID}-aaaaaaaaaaaaaaaa-01`, tracestate: 'vendor=1' })
  expect(context.spanId).not.toBe('b7ad6b7169203331')

  const invalid = { traceparent: 'not-one', tracestate: 'vendor=1' }
  const begun = begin(invalid)
  injectTraceParent(invalid, { ...begun, sampled: false }, 'aaaaaaaaaaaaaaaa')
  expect(invalid as object).toEqual({ traceparent: `00-${begun.traceId}-aaaaaaaaaaaaaaaa-00` })
})
