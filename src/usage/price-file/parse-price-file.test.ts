import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { BUNDLED } from '../price-tables.ts'
import { PriceFileError } from './findings.ts'
import { MAX_PRICE_FILE_BYTES, parsePriceFile, writePriceFile, type PriceFormat } from './parse-price-file.ts'

const NAMES = { name: 'house', date: '2026-11-30' }
const read = (content: unknown, format?: PriceFormat) =>
  parsePriceFile(
    new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content)),
    NAMES,
    format,
  )
const mistakes = (content: unknown, format?: PriceFormat): string[] => {
  try {
    read(content, format)
  } catch (error) {
    if (error instanceof PriceFileError) return error.message.split('\n')
    throw error
  }
  return []
}
const provider = (more: object, model: object = {}): object => ({
  id: 'openai',
  api_pattern: 'https://api\\.openai\\.com',
  models: [{ id: 'm', match: { equals: 'm' }, prices: { input_mtok: 1, output_mtok: 2 }, ...model }],
  ...more,
})

describe('the bundled list’s own format', () => {
  test('the bundled list itself is read whole, without a mistake', () => {
    const { table } = read(BUNDLED.providers)
    const models = (providers: typeof BUNDLED.providers): number =>
      providers.reduce((sum, one) => sum + one.models.length, 0)
    expect(models(table.providers)).toBe(models(BUNDLED.providers))
    expect(table).toMatchObject({ name: 'house', date: '2026-11-30' })
    expect(table.version).toMatch(/^2026-11-30\+[0-9a-f]{8}$/)
  })

  test('what is written in our own form is read again as it was', () => {
    const { table } = read([provider({})])
    expect(read(writePriceFile({ ...table, name: 'x', version: '7', date: '2026-10-01' })).table).toEqual({
      ...table,
      name: 'x',
      version: '2026-10-01+7',
      date: '2026-10-01',
    })
  })

  test('every mistake is named with its path, and nothing of the list is used', () => {
    const bad = provider(
      { api_pattern: '(a+)+' },
      {
        match: { or: [{ equals: 'm' }, { like: 'x' }] },
        prices: [
          { prices: { input_mtok: -1, output_mtok: 'two' } },
          { constraint: { weekday: 6 }, prices: { input_mtok: 2_000_000 } },
        ],
      },
    )
    expect(mistakes([bad, provider({})])).toEqual([
      'providers[0].api_pattern: repeats a group',
      'providers[0].models[0] (m).match.or[1]: must be one of equals, starts_with, ends_with, contains, regex, or, and',
      'providers[0].models[0] (m).prices[0].prices.input_mtok: a price cannot be negative (got -1)',
      'providers[0].models[0] (m).prices[0].prices.output_mtok: a price must be a number of USD (got "two")',
      'providers[0].models[0] (m).prices[1].constraint.weekday: is not a condition that is known',
      'providers[0].models[0] (m).prices[1].constraint: must be start_date (2026-11-30), or start_time and end_time (01:00:00Z)',
      'providers[0].models[0] (m).prices[1].prices.input_mtok: 2000000 USD is above 10000, which no provider asks: check the unit',
      'providers: "openai" comes twice',
    ])
  })

  test('unknown members are warned of, and the rest counts', () => {
    const { table, warnings } = read([
      provider({ colour: 'red' }, { prices: { input_mtok: 1, luck_mtok: 3 } }),
    ])
    expect(warnings).toEqual([
      'providers[0].colour: is not known and not read',
      'providers[0].models[0] (m).prices.luck_mtok: is not known and not read',
    ])
    expect(table.providers[0]!.models[0]!.prices).toEqual({ input_mtok: 1 })
  })

  test('a thousand mistakes are counted, and twenty named', () => {
    const models = Array.from({ length: 1000 }, (_, i) => ({ id: `m${i}`, match: {}, prices: {} }))
    const found = mistakes([provider({ models })])
    expect(found).toHaveLength(21)
    expect(found.at(-1)).toBe('and 980 more')
  })

  test('patterns that take long, and brackets that bills would cross unseen, are refused', () => {
    const withRegex = (regex: string): string[] => mistakes([provider({}, { match: { regex } })])
    for (const slow of ['(a*)*$', '(a|a)+$', 'a*b*c*d', '(.)\\1', '(?:x{1,}){2,}', '('])
      expect([slow, withRegex(slow).length]).toEqual([slow, 1])
    expect(withRegex('^gpt-5\\.4-\\d{4}-\\d{2}$')).toEqual([])
    const small = { input_mtok: { base: 1, tiers: [{ start: 16_000, price: 2 }] } }
    expect(mistakes([provider({}, { prices: small })])[0]).toContain('a bracket must start at 32000 tokens')
  })
})

describe('LiteLLM', () => {
  const entry = (more: object): object => ({ litellm_provider: 'openai', mode: 'chat', ...more })

  test('prices per token become prices per million, with brackets, lifetimes and units', () => {
    const { table, warnings } = read({
      sample_spec: { input_cost_per_token: 'prose' },
      'gemini/gemini-4-argon': entry({
        litellm_provider: 'gemini',
        input_cost_per_token: 3e-7,
        input_cost_per_token_above_200k_tokens: 6e-7,
        input_cost_per_token_priority: 9e-7,
        output_cost_per_token: 2.5e-6,
        cache_read_input_token_cost: 3e-8,
        cache_creation_input_token_cost: 3.75e-7,
        cache_creation_input_token_cost_above_1hr: 6e-7,
        max_tokens: 100,
        supports_vision: true,
      }),
      'rerank-v4.0-pro': entry({ litellm_provider: 'cohere', input_cost_per_query: 0.0025 }),
      'no-price': entry({}),
      odd: entry({ input_cost_per_token: 1e-6, citation_cost_per_token: 1e-6 }),
    })
    expect(warnings).toEqual(['citation_cost_per_token: is not read (1 models have it)'])
    expect(table.providers.map(({ id, models }) => [id, models.map(({ id: model }) => model)])).toEqual([
      ['google', ['gemini-4-argon']],
      ['cohere', ['rerank-v4.0-pro']],
      ['openai', ['odd']],
    ])
    expect(table.providers[0]!.models[0]!.prices).toEqual({
      input_mtok: { base: 0.3, tiers: [{ start: 200_000, price: 0.6 }] },
      output_mtok: 2.5,
      cache_read_mtok: 0.03,
      cache_write_mtok: 0.375,
      cache_write_1h_mtok: 0.6,
    })
    expect(table.providers[1]!.models[0]!.prices).toEqual({ search_units_kcount: 2.5 })
  })

  test('a model whose price changes by the hour is left out, and said so', () => {
    const { table, warnings } = read({
      a: entry({ input_cost_per_token: 1e-6, off_peak_pricing: { hours_utc: '16:30-00:30' } }),
      b: entry({ input_cost_per_token: 1e-6, input_cost_per_token_above_16k_tokens: 2e-6 }),
      c: entry({ input_cost_per_token: 1e-6 }),
    })
    expect(table.providers[0]!.models.map(({ id }) => id)).toEqual(['c'])
    expect(warnings).toEqual([
      'off_peak_pricing: the model is left out: is not read (1 models have it)',
      'a bracket below 32k tokens: the model is left out: is not read (1 models have it)',
    ])
  })

  test('mistakes are named by model and member', () => {
    expect(
      mistakes({
        a: entry({ input_cost_per_token: -1e-6, output_cost_per_token: '2e-6' }),
        b: 3,
        c: { input_cost_per_token: 1 },
        d: entry({ input_cost_per_token: 2 }),
        e: entry({ input_cost_per_token_above_200k_tokens: 2e-6 }),
      }),
    ).toEqual([
      'a.input_cost_per_token: a price cannot be negative (got -1)',
      'a.output_cost_per_token: a price must be a number of USD (got "2e-6")',
      'b: must be an object',
      'c: needs litellm_provider, and names of at most 300 characters',
      'd.input_cost_per_token: 2000000 USD is above 10000, which no provider asks: check the unit',
      'e.input_mtok: has a price for large requests and none for small ones',
    ])
  })
})

describe('CSV', () => {
  test('quotes, a byte order mark and every line end are read; dates and brackets become prices', () => {
    const { table, warnings } = read(
      '\uFEFFModel,provider,input,output,from,above,"source",colour\r\n' +
        '"gpt-x",OpenAI,1,2,,,"a ""contract"",\r\nof 2026",red\r\n' +
        'gpt-x,openai,2,3,,200000,,\n' +
        '\n' +
        'gpt-x,openai,0.5,1.25,2026-12-01,,,\r' +
        'gpt-*,openai,4,,,,,',
    )
    expect(warnings).toEqual(['line 1: the column "colour" is not known and not read'])
    expect(table.providers).toEqual([
      {
        id: 'openai',
        name: 'openai',
        api_pattern: '',
        models: [
          {
            id: 'gpt-x',
            match: { equals: 'gpt-x' },
            prices: [
              {
                prices: {
                  input_mtok: { base: 1, tiers: [{ start: 200_000, price: 2 }] },
                  output_mtok: { base: 2, tiers: [{ start: 200_000, price: 3 }] },
                },
              },
              {
                constraint: { type: 'start_date', start_date: '2026-12-01' },
                prices: { input_mtok: 0.5, output_mtok: 1.25 },
              },
            ],
            price_comments: 'a "contract",\r\nof 2026',
          },
          { id: 'gpt-*', match: { regex: '^gpt-' }, prices: { input_mtok: 4 } },
        ],
      },
    ])
  })

  test('mistakes are named by their line', () => {
    const rows = [
      'provider,model,from,above,input',
      'openai,a,2026-02-30,,1',
      'openai,b,,x,1',
      'openai,c,,,-1',
      'openai,d,,,1 USD',
      'openai,e,,',
      ',f,,,1',
    ]
    expect(mistakes(rows.join('\n'))).toEqual([
      'line 2: from must be a day like 2026-11-30 (got "2026-02-30")',
      'line 3: above must be a number of tokens',
      'line 4, input: a price cannot be negative (got -1)',
      'line 5, input: a price must be a number of USD (got "1 USD")',
      'line 6: 4 cells, and the first line has 5',
      'line 7: provider and model are required',
    ])
    expect(mistakes(['provider,model,above,input', 'a,g,200000,1', 'a,h,,1', 'a,h,,2'].join('\n'))).toEqual([
      'line 2: a row with above needs a row without, for smaller requests',
      'line 4: the same model and day stand in line 3 too',
    ])
    expect(mistakes('a,b\n1,2')).toEqual([
      'line 1: the column provider is missing; the first line names the columns',
      'line 1: the column model is missing; the first line names the columns',
    ])
    expect(mistakes('provider,model,input\nopenai,"a,1')).toEqual([
      'line 2: a quote is not closed, or stands in the middle of a cell',
    ])
    expect(mistakes('provider,model,input')).toEqual(['line 2: there are no prices'])
  })
})

test('nothing that a terminal obeys comes from a list into a message', () => {
  const name = 'x\u001b[31m\u202ey'
  const said = [
    ...mistakes({ [name]: { litellm_provider: 'a', input_cost_per_token: -1 } }),
    ...mistakes([provider({}, { id: name, match: { equals: '' } })]),
    ...read({
      [`a/${name}`]: { litellm_provider: 'a', input_cost_per_token: 1e-6 },
      [name]: { litellm_provider: 'a', input_cost_per_token: 2e-6 },
    }).warnings,
  ]
  expect(said).toHaveLength(3)
  expect(said.join('')).not.toMatch(/[\u001b\u202e]/)
})

test('what is no list is refused in one sentence', () => {
  for (const content of [
    '',
    '{}',
    '[]',
    '[1]',
    '{"providers":3}',
    '{"a":1}',
    '{',
    'null',
    '{"providers":[],"date":"x"}',
  ])
    expect([content, mistakes(content).length > 0]).toEqual([content, true])
  expect(mistakes('['.repeat(200_000))).toHaveLength(1)
  const deep = `[{"id":"p","models":[{"id":"m","prices":{},"match":${'{"or":['.repeat(2000)}{"equals":"x"}${']}'.repeat(2000)}}]}]`
  expect(mistakes(deep)).toHaveLength(1)
  expect(() => parsePriceFile(new Uint8Array(MAX_PRICE_FILE_BYTES + 1), NAMES)).toThrow(PriceFileError)
  expect(() => parsePriceFile(Uint8Array.of(0xff, 0xfe, 0x00), NAMES)).toThrow('no text in UTF-8')
})

test('whatever the bytes are, a list comes out whole or a PriceFileError says why', () => {
  const words = fc.constantFrom(
    'provider',
    'model',
    'id',
    'models',
    'match',
    'prices',
    'input_mtok',
    'constraint',
    'start_date',
    'litellm_provider',
    'input_cost_per_token',
    'tiers',
    'base',
    'or',
    'equals',
    '__proto__',
    'constructor',
  )
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.double(),
      fc.string(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(words, tie('value'), { maxKeys: 6 }),
    ),
  })).value
  const lines = fc
    .array(fc.array(fc.oneof(words, fc.string(), fc.constant('"'), fc.double().map(String))))
    .map((rows) => `provider,model,input\n${rows.map((row) => row.join(',')).join('\r\n')}`)
  const content = fc.oneof(
    json.map((value) => JSON.stringify([value])),
    json.map((value) => JSON.stringify({ a: value })),
    lines,
  )
  fc.assert(
    fc.property(content, fc.constantFrom(undefined, 'csv', 'litellm', 'genai-prices'), (text, format) => {
      try {
        const { table } = read(text, format)
        expect(table.providers.length).toBeGreaterThan(0)
      } catch (error) {
        expect(error).toBeInstanceOf(PriceFileError)
      }
    }),
    { numRuns: 2000 },
  )
})
