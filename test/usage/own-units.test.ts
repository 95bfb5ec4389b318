import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { priceUsage } from '../../src/usage/cost.ts'
import { parsePriceFile } from '../../src/usage/price-file/parse-price-file.ts'
import { PriceList } from '../../src/usage/price-list.ts'
import { UNIT_PRICING, UNIT_SETTINGS } from '../../src/usage/unit-pricing.ts'
import { NO_PARTS, UNITS } from '../../src/usage/usage.ts'
import { NO_RATES } from '../support/own-prices.ts'

// Whatever is counted can be priced: by an own price, and by a list of one's own.

function linesOf(list: PriceList) {
  return UNITS.map((unit) => {
    const cost = priceUsage({
      model: 'house-1',
      names: { answered: 'house-1' },
      bills: [{ usage: {}, parts: NO_PARTS, units: { [unit]: 7200 } }],
      find: (names) =>
        list.find({
          provider: 'house',
          upstreamUrl: 'http://127.0.0.1',
          dialect: 'openai',
          organizationId: '',
          workspaceId: '',
          keyId: '',
          at: Date.now(),
          names,
        }),
    })
    return cost.lines
  })
}

const LINES = UNITS.map((unit) => [
  { bucket: unit, quantity: 7200, price_usd: 3, price_per: UNIT_PRICING[unit].per },
])

test('every unit has a setting of its own', () => {
  expect(UNIT_SETTINGS.map(({ unit }) => unit)).toEqual([...UNITS])
  const folder = mkdtempSync(join(tmpdir(), 'ongoingai-units-'))
  try {
    const file = join(folder, 'ongoingai.yaml')
    const units = UNIT_SETTINGS.map(({ setting }) => `${setting}: 3`).join(', ')
    writeFileSync(file, `pricing: { overrides: [{ model: house-1, units: { ${units} } }] }\n`)
    const { config } = loadConfig(file, {})
    expect(linesOf(new PriceList(config.pricing))).toMatchObject(LINES)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('every unit has a column in a price list', () => {
  const columns = UNIT_SETTINGS.map(({ column }) => column)
  const text = `provider,model,${columns.join(',')}\nhouse,house-1,${columns.map(() => '3').join(',')}\n`
  const filed = parsePriceFile(Buffer.from(text), { name: 'house', date: '2026-11-30' })
  expect(filed.warnings).toEqual([])
  const list = new PriceList({
    unknownModel: 'allow',
    assumed: NO_RATES,
    overrides: [],
    list: filed,
  })
  expect(linesOf(list)).toMatchObject(LINES)
})
