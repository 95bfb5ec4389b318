import { expect, test } from 'bun:test'
import { NO_COST, unknown, type Cost } from './cost.ts'
import { includedCost } from './included-cost.ts'

const PRICED: Cost = {
  status: 'exact',
  totalNanoUsd: 4_500,
  priceList: 'list',
  lines: [{ model: 'm', bucket: 'input_uncached', tokens: 10, usd_per_million: 0.45 }],
}

test('an included cost is 0, with its list price and its receipt beside it', () => {
  expect(includedCost(PRICED)).toEqual({ ...PRICED, status: 'included', totalNanoUsd: 0, listNanoUsd: 4_500 })
})

test('a list price that is estimated or unknown says why', () => {
  expect(includedCost({ ...PRICED, status: 'estimated', note: 'cut' })).toMatchObject({
    status: 'included',
    listNanoUsd: 4_500,
    note: 'list price: cut',
  })
  expect(includedCost(unknown('no price for model x'))).toMatchObject({
    status: 'included',
    totalNanoUsd: 0,
    listNanoUsd: null,
    note: 'list price: no price for model x',
  })
})

test('what nobody bills stays exact: a refusal, a question that is free', () => {
  expect(includedCost(NO_COST)).toBe(NO_COST)
})
