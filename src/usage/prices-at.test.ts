import { expect, test } from 'bun:test'
import type { ModelInfo } from '@pydantic/genai-prices'
import { pricesAt } from './prices-at.ts'
import { supplementTo } from './supplement.ts'
import { BUNDLED } from './price-tables.ts'

const model: Pick<ModelInfo, 'id' | 'prices'> = {
  id: 'm',
  prices: [
    { constraint: { type: 'start_date', start_date: '2026-01-01' }, prices: { input_mtok: 1 } },
    { constraint: { type: 'start_date', start_date: '2026-06-01' }, prices: { input_mtok: 2 } },
    {
      constraint: { type: 'time_of_date', start_time: '22:00:00Z', end_time: '02:00:00Z' },
      prices: { input_mtok: 3 },
    },
  ],
}
const inputAt = (time: string, one = model, vendor = 'x'): unknown =>
  pricesAt(vendor, one, Date.parse(time))?.['input_mtok']

test('the last price whose day or hour has come holds; before the first day there is none', () => {
  expect(inputAt('2025-12-31T23:59:59Z')).toBeUndefined()
  expect(inputAt('2026-01-01T12:00:00Z')).toBe(1)
  expect(inputAt('2026-06-01T02:00:00Z')).toBe(2)
  expect(inputAt('2026-06-01T01:59:59Z')).toBe(3)
  expect(inputAt('2026-06-01T22:00:00Z')).toBe(3)
})

test('DeepSeek’s hours count from Monday to Friday, since it has them', () => {
  const flash = BUNDLED.providers
    .find(({ id }) => id === 'deepseek')!
    .models.find(({ id }) => id === 'deepseek-v4-flash')!
  const input = (time: string): unknown => inputAt(time, flash, 'deepseek')
  expect(input('2026-08-05T02:00:00Z')).toBe(0.14)
  expect(input('2026-08-22T02:00:00Z')).toBe(0.44)
  expect(input('2026-09-05T02:00:00Z')).toBe(0.22)
  expect(input('2026-09-07T02:00:00Z')).toBe(0.44)
  expect(input('2026-09-07T05:00:00Z')).toBe(0.22)
})

test('an entry with a day after the list wins from then on; a correction wins over the list it corrects alone', () => {
  const names = (table: { providers: typeof BUNDLED.providers }): string[] =>
    table.providers.flatMap(({ models }) => models.map(({ id }) => id))
  const now = supplementTo(BUNDLED)
  expect(names(now.newer)).toEqual(['deepseek-flash', 'deepseek-v4-flash', 'deepseek-v4-flash-vision-exp'])
  expect(names(supplementTo({ ...BUNDLED, version: '0.2.0' }).newer)).toEqual([])
  expect(names(supplementTo({ ...BUNDLED, version: '0.0.1', date: '2026-09-01' }).newer)).toEqual(
    names(now.newer),
  )
  const flash = now.newer.providers[0]!.models[1]!
  expect(inputAt('2026-09-10T03:59:59Z', flash, 'deepseek')).toBeUndefined()
  expect(inputAt('2026-09-10T02:00:00Z', flash, 'deepseek')).toBeUndefined()
  expect(inputAt('2026-09-10T04:00:00Z', flash, 'deepseek')).toBe(0.15)
  expect(inputAt('2026-09-11T02:00:00Z', flash, 'deepseek')).toBe(0.3)
})

test('every entry beside the bundled list has a source, and no entry hides one of the list without a date', () => {
  const { beside } = supplementTo(BUNDLED)
  for (const { id: vendor, models } of beside.providers) {
    const listed = BUNDLED.providers.find(({ id }) => id === vendor)!.models.map(({ id }) => id)
    for (const { id, price_comments: source } of models) {
      expect([id, source]).toEqual([id, expect.stringMatching(/20\d\d/)])
      expect(listed).not.toContain(id)
    }
  }
})
