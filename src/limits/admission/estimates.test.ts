import { expect, test } from 'bun:test'
import type { RequestBounds } from './bounds.ts'
import { Estimates } from './estimates.ts'

const request = (values: Partial<RequestBounds> = {}): RequestBounds => ({
  requestBytes: 400,
  maxOutputTokens: undefined,
  answers: 1,
  answeredOnce: true,
  streaming: false,
  rates: { input: 1, output: 2 },
  ...values,
})

test('the first request of its kind: its bytes, and a thousand tokens or what it allows itself', () => {
  const estimates = new Estimates()
  expect(estimates.of('p stream', 'p', request())).toMatchObject({ costNanoUsd: 100 + 2000, tokens: 1100 })
  expect(estimates.of('p', 'p', request({ maxOutputTokens: 10 }))).toMatchObject({
    costNanoUsd: 120,
    tokens: 110,
  })
  expect(estimates.of('p', 'p', request({ maxOutputTokens: 64_000 }))).toMatchObject({ tokens: 1100 })
})

test('averages of the past hold until the process has seen such a request itself', () => {
  const estimates = new Estimates()
  estimates.seed([{ pair: 'p', costNanoUsd: 9000, outputTokens: 3000 }])
  expect(estimates.of('p stream', 'p', request())).toMatchObject({ costNanoUsd: 9000, tokens: 3100 })
  // A request that is much larger than the average is expected to cost what its bytes say.
  expect(estimates.of('p', 'p', request({ requestBytes: 40_000 }))).toMatchObject({ costNanoUsd: 16_000 })
  const seen = { costNanoUsd: 700, outputNanoUsd: 600, inputTokens: 100, outputTokens: 300 }
  estimates.learn('p', seen, { requestBytes: 400, responseBytes: 3000 })
  expect(estimates.of('p', 'p', request())).toMatchObject({ costNanoUsd: 700, tokens: 400 })
  expect(estimates.of('p stream', 'p', request())).toMatchObject({ costNanoUsd: 9000 })
})
