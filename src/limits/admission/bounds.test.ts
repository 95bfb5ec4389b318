import { expect, test } from 'bun:test'
import { mostOf, type RequestBounds } from './bounds.ts'

const RATES = { input: 1, output: 5, most: { input: 2, output: 10 }, contextWindow: 1000 }
const request = (values: Partial<RequestBounds>): RequestBounds => ({
  requestBytes: 300,
  maxOutputTokens: 50,
  answers: 1,
  answeredOnce: true,
  streaming: false,
  rates: RATES,
  ...values,
})
const ESTIMATE = { costNanoUsd: 0, tokens: 0, inputTokens: 0 }
const most = (values: Partial<RequestBounds>): unknown => mostOf(request(values), ESTIMATE)

test('the most of a request: its input, and its own output limit at the highest rates', () => {
  expect(most({})).toEqual({ costNanoUsd: 100 * 2 + 50 * 10, tokens: 150 })
})

test('without an output limit it is the context window, for each answer', () => {
  const without = { maxOutputTokens: undefined }
  expect(most(without)).toEqual({ costNanoUsd: 100 * 2 + 1000 * 10, tokens: 1100 })
  expect(most({ ...without, answers: 3 })).toEqual({ costNanoUsd: 100 * 2 + 3000 * 10, tokens: 3100 })
  // A limit beyond the window allows no more than the window.
  expect(most({ maxOutputTokens: 1e9 })).toEqual(most(without))
})

test('where nothing bounds it, it has no most', () => {
  const nothing = { costNanoUsd: undefined, tokens: undefined }
  const { contextWindow: _, ...windowless } = RATES
  expect(most({ maxOutputTokens: undefined, rates: windowless })).toEqual(nothing)
  expect(most({ maxOutputTokens: undefined, rates: undefined })).toEqual(nothing)
  expect(most({ answeredOnce: false })).toEqual(nothing)
  // Billed by more than tokens: the tokens are bounded, the money is not.
  expect(most({ rates: { input: 1, output: 5 } })).toEqual({ costNanoUsd: undefined, tokens: 150 })
})

test('the most is never less than what is expected', () => {
  const expected = { costNanoUsd: 5000, tokens: 400, inputTokens: 350 }
  expect(mostOf(request({}), expected)).toEqual({ costNanoUsd: 5000, tokens: 400 })
  expect(mostOf(request({ maxOutputTokens: 1000 }), expected)).toEqual({
    costNanoUsd: 350 * 2 + 10_000,
    tokens: 1350,
  })
})
