import { expect, test } from 'bun:test'
import { NO_PARTS, type ModelUsage } from '../usage/usage.ts'
import { fromStoredBills, toStoredBills } from './stored-bills.ts'

const bill = (usage: ModelUsage['usage'], units?: ModelUsage['units']): ModelUsage => ({
  usage,
  parts: NO_PARTS,
  ...(units ? { units } : {}),
})
const stored = (...bills: ModelUsage[]): unknown[] =>
  toStoredBills(bills).map(({ buckets, units, count }) => [buckets, units, count])

test('bills of a kind are stored as one', () => {
  expect(stored(bill({ input_uncached: 1 }), bill({ input_uncached: 2 }))).toEqual([
    [{ input_uncached: 3 }, undefined, 2],
  ])
  const search = bill({ output_text: 1 }, { web_searches: 1 })
  expect(stored(search, search)).toEqual([[{ output_text: 2 }, { web_searches: 2 }, 2]])
})

test('bills whose units stand in the stead of tokens, or of each other, are stored apart', () => {
  const bills = [
    bill({ input_uncached: 1 }),
    bill({}, { pages: 1 }),
    bill({ input_uncached: 1 }, { pages: 1 }),
    bill({ output_text: 1 }, { web_searches: 1 }),
    bill({ output_text: 1 }, { grounded_prompts: 1 }),
  ]
  expect(fromStoredBills(toStoredBills(bills))).toEqual(bills)
})

test('sound is stored apart: some providers bill a least length for each request', () => {
  const sound = bill({}, { audio_seconds: 3 })
  expect(fromStoredBills(toStoredBills([sound, sound]))).toEqual([sound, sound])
})
