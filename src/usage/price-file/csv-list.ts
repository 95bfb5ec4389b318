import type { ConditionalPrice, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices'
import { isDay } from '../../time/day.ts'
import { UNIT_PRICING, UNIT_SETTINGS } from '../unit-pricing.ts'
import { bracketed } from './brackets.ts'
import { CsvError, readCsv, type CsvRecord } from './csv-records.ts'
import type { Findings } from './findings.ts'
import { MOST_MODELS, MOST_NAME } from './list-bounds.ts'
import { checkedRate } from './price-keys.ts'

/** Columns of rates, and the bundled list's keys for them. USD per million tokens, or per the unit in the name. */
const RATE_COLUMNS: Readonly<Record<string, string>> = {
  input: 'input_mtok',
  cache_read: 'cache_read_mtok',
  cache_write: 'cache_write_mtok',
  cache_write_30m: 'cache_write_30m_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  cache_write_12h: 'cache_write_12h_mtok',
  output: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
  input_audio: 'input_audio_mtok',
  cache_read_audio: 'cache_audio_read_mtok',
  cache_read_image: 'cache_image_read_mtok',
  output_audio: 'output_audio_mtok',
  input_image: 'input_image_mtok',
  output_image: 'output_image_mtok',
  input_video: 'input_video_mtok',
  ...Object.fromEntries(UNIT_SETTINGS.map(({ unit, column }) => [column, UNIT_PRICING[unit].key])),
}

const OTHER_COLUMNS = ['provider', 'model', 'from', 'above', 'source']

/** Longest name that ends in `*`. */
const MOST_PREFIX = 100

/** A row of rates, checked. */
interface Row {
  readonly line: number
  readonly provider: string
  readonly model: string
  readonly from: string
  readonly above: number
  readonly rates: Readonly<Record<string, number>>
  readonly source: string
}

/**
 * Reads a price list in CSV. The first line names the columns, in any order: `provider` and `model` (a `*` at its end stands for any
 * rest), `from` (first day, `YYYY-MM-DD`), `above` (input tokens above which the row's rates hold), rates, `source`. An empty cell is
 * no price. docs/pricing.md has the table.
 */
export function readCsvList(text: string, findings: Findings): readonly Provider[] {
  let records: CsvRecord[]
  try {
    records = readCsv(text)
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    findings.wrong(`line ${error.line}`, error.message)
    return []
  }
  const head = records[0]?.cells.map((name) => name.trim().toLowerCase()) ?? []
  for (const name of ['provider', 'model']) {
    if (!head.includes(name))
      findings.wrong('line 1', `the column ${name} is missing; the first line names the columns`)
  }
  head.forEach((name, i) => {
    if (head.indexOf(name) < i) findings.wrong('line 1', `the column ${JSON.stringify(name)} comes twice`)
    else if (!OTHER_COLUMNS.includes(name) && !Object.hasOwn(RATE_COLUMNS, name))
      findings.doubtful('line 1', `the column ${JSON.stringify(name.slice(0, 60))} is not known and not read`)
  })
  if (records.length <= 1) findings.wrong('line 2', 'there are no prices')
  if (records.length - 1 > MOST_MODELS)
    findings.wrong(`line ${MOST_MODELS + 2}`, `more than ${MOST_MODELS} rows`)
  findings.throwIfWrong()
  const rows = records.slice(1).flatMap((record) => readRow(head, record, findings) ?? [])
  findings.throwIfWrong()
  return [...Map.groupBy(rows, ({ provider }) => provider)].map(([id, ofProvider]) => ({
    id,
    name: id,
    api_pattern: '',
    models: [...Map.groupBy(ofProvider, ({ model }) => model)]
      .sort(([a], [b]) => b.length - a.length)
      .map(([model, ofModel]) => modelOf(model, ofModel, findings)),
  }))
}

function readRow(head: readonly string[], { line, cells }: CsvRecord, findings: Findings): Row | undefined {
  const place = `line ${line}`
  if (cells.length !== head.length) {
    findings.wrong(place, `${cells.length} cells, and the first line has ${head.length}`)
    return undefined
  }
  const cell = (name: string): string => (head.includes(name) ? cells[head.indexOf(name)]!.trim() : '')
  const [provider, model, from, above] = [
    cell('provider').toLowerCase(),
    cell('model').toLowerCase(),
    cell('from'),
    cell('above'),
  ]
  if (provider === '' || model === '') findings.wrong(place, 'provider and model are required')
  const longest = model.endsWith('*') ? MOST_PREFIX : MOST_NAME
  if (provider.length > MOST_NAME || model.length > longest) findings.wrong(place, 'a name is too long')
  if (model === '*')
    findings.wrong(place, 'a model must have a name; pricing.assumed has rates for every other model')
  if (from !== '' && !isDay(from))
    findings.wrong(place, `from must be a day like 2026-11-30 (got ${JSON.stringify(from.slice(0, 40))})`)
  if (!/^\d{0,9}$/.test(above)) findings.wrong(place, 'above must be a number of tokens')
  const rates: Record<string, number> = {}
  for (const [column, key] of Object.entries(RATE_COLUMNS)) {
    const text = cell(column)
    if (text === '') continue
    const value = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : text
    const rate = checkedRate(key, value, `${place}, ${column}`, findings)
    if (rate !== undefined) rates[key] = rate
  }
  return { line, provider, model, from, above: Number(above), rates, source: cell('source').slice(0, 500) }
}

function modelOf(name: string, rows: readonly Row[], findings: Findings): ModelInfo {
  const dated = [...Map.groupBy(rows, ({ from }) => from)].sort(([a], [b]) => (a < b ? -1 : 1))
  const prices: ConditionalPrice[] = dated.map(([from, ofDay]) => ({
    ...(from === '' ? {} : { constraint: { type: 'start_date', start_date: from } }),
    prices: pricesOf(ofDay, findings),
  }))
  const sources = [...new Set(rows.map(({ source }) => source).filter((source) => source !== ''))]
  return {
    id: name,
    match: name.endsWith('*') ? { regex: `^${escaped(name.slice(0, -1))}` } : { equals: name },
    prices: prices.length === 1 && !prices[0]!.constraint ? prices[0]!.prices : prices,
    ...(sources.length > 0 ? { price_comments: sources.join('; ') } : {}),
  }
}

/** Escapes a text as a regular expression. */
function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

/** The rows of one model and day: one for all sizes, others above a size. */
function pricesOf(rows: readonly Row[], findings: Findings): ModelPrice {
  const base = rows.filter(({ above }) => above === 0)
  const place = `line ${rows.at(-1)!.line}`
  if (base.length > 1) findings.wrong(place, `the same model and day stand in line ${base[0]!.line} too`)
  if (base.length === 0) findings.wrong(place, 'a row with above needs a row without, for smaller requests')
  const prices: ModelPrice = {}
  for (const [key, rate] of Object.entries(base[0]?.rates ?? {})) {
    const tiers = rows.flatMap(({ above, rates }) =>
      above > 0 && rates[key] !== undefined ? [{ start: above, price: rates[key] }] : [],
    )
    prices[key] = bracketed(rate, tiers, place, findings)
  }
  for (const { line, above, rates } of rows) {
    const lost =
      above > 0 && base.length > 0 ? Object.keys(rates).find((key) => prices[key] === undefined) : undefined
    if (lost !== undefined) findings.wrong(`line ${line}`, `${lost} has no rate for smaller requests`)
  }
  return prices
}
