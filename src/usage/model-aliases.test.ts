import { expect, test } from 'bun:test'
import { NO_RATES } from '../../test/support/own-prices.ts'
import { MODEL_ALIASES, resolveAlias } from './model-aliases.ts'
import { PriceList } from './price-list.ts'

test('the times of an alias are days, in order, and do not overlap', () => {
  for (const rows of Map.groupBy(MODEL_ALIASES, ({ vendor, alias }) => `${vendor} ${alias}`).values()) {
    let before = ''
    for (const { from, to, source } of rows) {
      expect([from, to].every((day) => /^\d{4}-\d{2}-\d{2}$/.test(day))).toBe(true)
      expect(from < to && before <= from).toBe(true)
      expect(source).not.toBe('')
      before = to
    }
  }
})

test('an alias whose model is certain is priced by it, exactly, on every first and last day', () => {
  const list = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: [] })
  const priceless: string[] = []
  for (const { alias, vendor, from, to, model, doubt } of MODEL_ALIASES) {
    for (const at of [Date.parse(from), Date.parse(to) - 1]) {
      const rates = list.find({
        provider: vendor,
        upstreamUrl: '',
        dialect: 'openai',
        organizationId: '',
        workspaceId: '',
        keyId: '',
        names: { answered: alias },
        at,
      })
      expect(rates?.matched).toMatchObject({ name: alias, by: 'answered' })
      if ((rates?.doubt === undefined) !== (doubt === undefined)) priceless.push(`${vendor} ${model}`)
    }
  }
  // What no list has costs an estimate, as what has a doubt of its own does.
  expect([...new Set(priceless)]).toEqual(['cohere command-r-03-2024'])
})

test('outside its known times an alias is the last model before, and in doubt', () => {
  const at = (day: string, name = 'mistral-large-latest') => resolveAlias('mistral', name, Date.parse(day))
  expect(at('2025-06-01')).toEqual({ model: 'mistral-large-2411' })
  expect(at('2026-06-01')).toEqual({ model: 'mistral-large-2512' })
  expect(at('2030-01-01')).toMatchObject({ model: 'mistral-large-2512' })
  expect(at('2030-01-01')?.doubt).toContain('after 2026-10-06 is not known')
  expect(at('2024-01-01')?.doubt).toContain('which model it stood for is not known')
  expect(at('2026-06-01', 'mistral-large-2512')).toBeUndefined()
  expect(at('2026-06-01', 'anything-latest')?.doubt).toContain('not known')
})
