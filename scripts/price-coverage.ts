import type { DialectName } from '../src/providers/dialects/dialects.ts'
import { type Cost, type Priced, priceUsage } from '../src/usage/cost.ts'
import { FEES } from '../src/usage/fees.ts'
import { includedCost } from '../src/usage/included-cost.ts'
import { matchScore } from '../src/usage/model-match.ts'
import type { ModelNames } from '../src/usage/model-names.ts'
import type { ModelRates } from '../src/usage/model-rates.ts'
import { placeOf } from '../src/usage/places.ts'
import { PriceList } from '../src/usage/price-list.ts'
import { tablesInOrder } from '../src/usage/price-tables.ts'
import { pricesAt } from '../src/usage/prices-at.ts'
import { type ModelUsage, NO_PARTS, type Unit, type Usage } from '../src/usage/usage.ts'
import { NO_RATES } from '../test/support/own-prices.ts'
import type { ModelInfo, ModelPrice } from '@pydantic/genai-prices'

/** A provider whose current models are priced. */
interface Row {
  readonly label: string
  /** As in the configuration. */
  readonly provider: string
  readonly dialect: DialectName
  /** The lists' name of the provider whose models it has; empty for models of `names`. */
  readonly vendor: string
  /** Which of the listed models are current: later generations, or all. */
  readonly models: RegExp
  /** Addresses of two places, as `placeOf` reads them. */
  readonly addresses: readonly (readonly [path: string, host: string])[]
  readonly names?: readonly string[]
  /** A subscription pays: the verdict is that of the list price. */
  readonly included?: true
}

const CLAUDE = /claude-(?:(?:opus|sonnet|haiku)-4-[5-9]|[a-z]+-5)/
const GEMINI = /^gemini-(?:2\.5|[3-9])/
const OPENAI = /^(?:gpt-(?:4\.1|4o|5|6|audio|image|realtime)|o[34])/

function row(
  label: string,
  provider: string,
  dialect: DialectName,
  host: string,
  more: Partial<Row> & Pick<Row, 'vendor'>,
): Row {
  return { label, provider, dialect, models: /./, addresses: [['/', host]], ...more }
}

const ROWS: readonly Row[] = [
  row('OpenAI', 'openai', 'openai', 'api.openai.com', {
    vendor: 'openai',
    models: OPENAI,
    addresses: [
      ['/v1/responses', 'us.api.openai.com'],
      ['/v1/responses', 'eu.api.openai.com'],
    ],
  }),
  row('Azure OpenAI', 'azure', 'azure', 'house.openai.azure.com', { vendor: 'openai', models: OPENAI }),
  row('Anthropic', 'anthropic', 'anthropic', 'api.anthropic.com', { vendor: 'anthropic', models: CLAUDE }),
  row('Bedrock', 'bedrock', 'openai', 'bedrock-runtime.us-east-1.amazonaws.com', {
    vendor: 'aws',
    models:
      /anthropic\.claude-(?:\w+-4-[5-9]|[a-z]+-5)|amazon\.nova|openai|llama4|qwen3|mistral-large-3|ministral-3/,
    addresses: [
      ['/', 'bedrock-runtime.us-east-1.amazonaws.com'],
      ['/', 'bedrock-runtime.eu-central-1.amazonaws.com'],
    ],
  }),
  row('Vertex AI', 'vertex', 'gemini', 'europe-west4-aiplatform.googleapis.com', {
    vendor: 'google',
    models: new RegExp(`${GEMINI.source}|${CLAUDE.source}`),
    addresses: [['/', 'europe-west4-aiplatform.googleapis.com']],
  }),
  row('Gemini', 'gemini', 'gemini', 'generativelanguage.googleapis.com', {
    vendor: 'google',
    models: GEMINI,
  }),
  row('Mistral', 'mistral', 'mistral', 'api.mistral.ai', { vendor: 'mistral' }),
  row('Cohere', 'cohere', 'cohere', 'api.cohere.com', { vendor: 'cohere', models: /^command-[ar]/ }),
  row('Groq', 'groq', 'openai', 'api.groq.com', { vendor: 'groq' }),
  row('xAI', 'xai', 'openai', 'us.api.x.ai', { vendor: 'x-ai', models: /^grok-(?:4\.|build|voice)/ }),
  row('DeepSeek', 'deepseek', 'openai', 'api.deepseek.com', { vendor: 'deepseek', models: /flash|v4/ }),
  row('OpenRouter', 'openrouter', 'openai', 'openrouter.ai', { vendor: 'openrouter' }),
  row('Perplexity', 'perplexity', 'openai', 'api.perplexity.ai', { vendor: 'perplexity', models: /^sonar/ }),
  row('Together', 'together', 'openai', 'api.together.xyz', { vendor: 'together' }),
  row('Fireworks', 'fireworks', 'openai', 'api.fireworks.ai', { vendor: 'fireworks' }),
  row('Cerebras', 'cerebras', 'openai', 'api.cerebras.ai', { vendor: 'cerebras' }),
  row('Ollama (local)', 'ollama', 'ollama', 'localhost:11434', { vendor: '', names: ['llama3.3', 'qwen3'] }),
  row('ChatGPT subscription: list price', 'chatgpt', 'openai', 'chatgpt.com', {
    vendor: 'openai',
    models: /^gpt-(?:5\.[4-9]|6)/,
    included: true,
  }),
]

/** What is priced for one part of a cell. */
type Probe = Pick<Priced, 'serviceTier' | 'speed' | 'place'> & {
  readonly name: string
  readonly usage?: Usage
  readonly unit?: Unit
  /** Usage whose rates may be others: it is said for how many models they are. */
  readonly shorter?: Usage
}

/** Names of models that are no text models; they are not asked for what text models have. */
const NO_TEXT =
  /image|audio|realtime|live|tts|transcri|voice|voxtral|sonic|embed|ocr|whisper|guard|omni-flash/
const SOUND = /audio|realtime|live|tts|voice|voxtral|sonic/
const IMAGES = /image/

interface Column {
  readonly head: string
  /** Parts have names of the row's own, which are always told. */
  readonly named?: true
  readonly models: 'text' | 'sound' | 'images'
  /** An empty list: the row has no such thing. */
  readonly probes: (row: Row) => readonly Probe[]
}

const TEXT: Usage = { input_uncached: 1000, output_text: 500 }

function reading(name: string, usage: Usage): Probe {
  return { name, usage: { ...TEXT, ...usage } }
}

const COLUMNS: readonly Column[] = [
  { head: 'tokens', models: 'text', probes: () => [reading('', {})] },
  { head: 'cache read', models: 'text', probes: () => [reading('', { cache_read: 1000 })] },
  {
    head: 'cache write',
    models: 'text',
    probes: () => [
      reading('unnamed', { cache_write: 1000 }),
      reading('5 min', { cache_write_5m: 1000 }),
      reading('30 min', { cache_write_30m: 1000 }),
      reading('1 h', { cache_write_1h: 1000 }),
      reading('12 h', { cache_write_12h: 1000 }),
    ],
  },
  { head: 'reasoning', models: 'text', probes: () => [reading('', { reasoning: 1000 })] },
  {
    head: 'audio',
    models: 'sound',
    probes: () => [
      { name: 'in', usage: { input_audio: 1000 } },
      { name: 'out', usage: { output_audio: 1000 } },
    ],
  },
  {
    head: 'images read',
    models: 'text',
    probes: () => [reading('', { input_image: 1000 })],
  },
  { head: 'images written', models: 'images', probes: () => [{ name: '', usage: { output_image: 1000 } }] },
  {
    head: 'tiers',
    models: 'text',
    probes: ({ dialect }) => [
      { name: 'flex', usage: TEXT, serviceTier: 'flex' },
      { name: 'priority', usage: TEXT, serviceTier: 'priority' },
      ...(dialect === 'anthropic' ? [{ name: 'fast', usage: TEXT, speed: 'fast' }] : []),
    ],
  },
  { head: 'batch', models: 'text', probes: () => [{ name: '', usage: TEXT, serviceTier: 'batch' }] },
  {
    head: 'long input',
    models: 'text',
    probes: () => [{ ...reading('', { input_uncached: 900_000 }), shorter: TEXT }],
  },
  {
    head: 'places',
    named: true,
    models: 'text',
    probes: ({ addresses }) =>
      addresses.flatMap(([path, host]) => {
        const place = placeOf(path, host)
        return place === '' ? [] : [{ name: place, usage: TEXT, place }]
      }),
  },
  {
    head: 'fees',
    named: true,
    models: 'text',
    probes: () => FEES.map((unit) => ({ name: unit, usage: TEXT, unit })),
  },
]

type Verdict = 'exact' | 'estimated' | 'unknown'

interface Tally {
  readonly counts: Map<Verdict, number>
  readonly reasons: Set<string>
  /** Models whose receipt has a line for the probe's unit. */
  charged: number
  /** Models with other rates for long input. */
  bracketed: number
}

/** The moment of the newest list: what a page says must not change by the day on which it is made. */
const DAY = tablesInOrder(undefined).reduce((day, { date }) => (date > day ? date : day), '')
const AT = Date.parse(`${DAY}T12:00:00Z`)

const LIST = new PriceList({ unknownModel: 'allow', overrides: [], assumed: NO_RATES })

/** What the gateway can price, as a table of Markdown with its reasons: each cell is made by pricing usage. */
export function priceCoverage(): string {
  const reasons = new Reasons()
  const head = ['provider', 'models', ...COLUMNS.map(({ head: name }) => name)]
  const rows = ROWS.map((one) => {
    const sets = modelsOf(one)
    const cells = COLUMNS.map((column) => cellOf(one, column, sets[column.models], reasons))
    return [one.label, String(sets.text.length), ...cells]
  })
  return `${markdownTable([head, ...rows])}\n\n${reasons.markdown()}\n`
}

/** The page with its table made anew, between the two marks. */
export function withPriceCoverage(page: string): string {
  return page.replace(
    /(<!-- coverage: [^\n]* -->\n)[^]*?(<!-- \/coverage -->)/,
    (_, begin: string, end: string) => `${begin}\n${priceCoverage()}\n${end}`,
  )
}

function modelsOf(one: Row): Readonly<Record<Column['models'], readonly string[]>> {
  const { vendor, models, names } = one
  if (names) return { text: names, sound: names, images: names }
  const entries = tablesInOrder(undefined).flatMap(({ providers }) =>
    providers.flatMap((provider) => (provider.id === vendor ? provider.models : [])),
  )
  const current = new Map(
    entries.flatMap((entry) => {
      const name = nameOf(entry)
      const isCurrent = models.test(entry.id) && !entry.deprecated && !entry.id.endsWith(':free')
      // A name that moves from model to model is no model.
      if (!isCurrent || ratesOf(one, { answered: name })?.doubt !== undefined) return []
      return [[entry.id, { name, prices: pricesAt(vendor, entry, AT) ?? {} }] as const]
    }),
  )
  const named = (keeps: (id: string, prices: ModelPrice) => boolean): string[] =>
    [...current].flatMap(([id, { name, prices }]) => (keeps(id, prices) ? [name] : []))
  return {
    text: named(
      (id, prices) =>
        !NO_TEXT.test(id) && prices['input_mtok'] !== undefined && prices['output_mtok'] !== undefined,
    ),
    sound: named((id) => SOUND.test(id)),
    images: named((id) => IMAGES.test(id)),
  }
}

/** A name by which the list's entry is found: its own, or one that it is matched by. */
function nameOf({ id, match }: ModelInfo): string {
  const names = [
    id,
    ...[...JSON.stringify(match).matchAll(/"(?:equals|starts_with|contains)":"([^"]+)"/g)].map(
      (found) => found[1]!,
    ),
  ]
  return names.find((name) => matchScore(match, name.toLowerCase()) !== undefined) ?? id
}

function cellOf(one: Row, column: Column, models: readonly string[], reasons: Reasons): string {
  if (models.length === 0) return '-'
  const parts = column.probes(one).flatMap((probe) => {
    const tally = tallyOf(one, probe, models)
    if (probe.unit !== undefined && tally.charged === 0) return []
    return [{ name: probe.name, text: verdictText(tally, models.length, reasons) }]
  })
  if (parts.length === 0) return '-'
  const byText = Map.groupBy(parts, ({ text }) => text)
  // Which parts there are, the head of a column says; of fees and places each row has its own.
  if (byText.size === 1 && (!column.named || parts.length === FEES.length)) return parts[0]!.text
  return [...byText].map(([text, same]) => `${same.map(({ name }) => name).join(', ')}: ${text}`).join('; ')
}

function tallyOf(one: Row, probe: Probe, models: readonly string[]): Tally {
  const tally: Tally = { counts: new Map(), reasons: new Set(), charged: 0, bracketed: 0 }
  for (const model of models) {
    const cost = costOf(one, probe, model)
    const verdict = verdictOf(cost)
    tally.counts.set(verdict, (tally.counts.get(verdict) ?? 0) + 1)
    if (cost.lines.some(({ bucket }) => bucket === probe.unit)) tally.charged += 1
    if (cost.note !== undefined)
      tally.reasons.add(plainReason(cost.note, [cost.matched?.entry ?? model, model]))
    const { shorter } = probe
    if (shorter && rateOf(cost) !== rateOf(costOf(one, { name: '', usage: shorter }, model)))
      tally.bracketed += 1
  }
  return tally
}

function rateOf({ lines }: Cost): number | undefined {
  const [line] = lines
  return line && 'tokens' in line ? line.usd_per_million : undefined
}

/** A reason without the names that tell one model or bucket from another: the row and the column tell them. */
function plainReason(note: string, names: readonly string[]): string {
  return names
    .reduce((text, name) => text.replaceAll(name, 'the model'), note)
    .replace(/^list price: /, '')
    .replace('the preview the model', 'a preview')
    .replace(/^no price for \w+ of model the model; that/, 'it has no price; that')
    .replace(/^no price for (?:\w+ of )?model the model$/, 'it has no price')
    .replace(/^no price for 1 (\w+)$/, 'a fee without a known price is left out')
    .replace(/the batch price of [\w-]+/, 'the batch price of the provider')
    .replace(/the flex price of [\w-]+/, 'the flex price of the provider')
    .replace(/ in [a-z]+-[a-z]+-\d may/, ' there may')
}

function ratesOf({ provider, dialect, addresses }: Row, names: ModelNames): ModelRates | undefined {
  const upstreamUrl = `https://${addresses[0]![1]}`
  const caller = { organizationId: '', workspaceId: '', keyId: '' }
  return LIST.find({ provider, dialect, upstreamUrl, ...caller, at: AT, names })
}

function costOf(one: Row, probe: Probe, model: string): Cost {
  const { usage = {}, unit, serviceTier, speed, place } = probe
  const bill: ModelUsage = { usage, parts: NO_PARTS, ...(unit === undefined ? {} : { units: { [unit]: 1 } }) }
  const cost = priceUsage({
    model,
    names: { answered: model },
    bills: [bill],
    serviceTier,
    speed,
    place,
    at: AT,
    find: (names) => ratesOf(one, names),
  })
  return one.included ? includedCost(cost) : cost
}

function verdictOf({ status, listNanoUsd, note }: Cost): Verdict {
  if (status !== 'included') return status
  if (listNanoUsd === null) return 'unknown'
  return note === undefined ? 'exact' : 'estimated'
}

/** `exact`, or how many are, and what the others are. */
function verdictText({ counts, reasons: why, bracketed }: Tally, all: number, reasons: Reasons): string {
  const exact = counts.get('exact') ?? 0
  const brackets = bracketed > 0 ? `, brackets for ${bracketed}` : ''
  if (exact === all) return `exact${brackets}`
  const others = (['estimated', 'unknown'] as const).filter((verdict) => counts.has(verdict)).join(' or ')
  const marks = `(${[...why]
    .map((reason) => reasons.markOf(reason))
    .sort((a, b) => a - b)
    .join(', ')})`
  return `${exact === 0 ? '' : `${exact} of ${all} exact, else `}${others} ${marks}${brackets}`
}

/** Why costs are not exact, numbered as they come. */
class Reasons {
  readonly #marks = new Map<string, number>()

  markOf(reason: string): number {
    const mark = this.#marks.get(reason) ?? this.#marks.size + 1
    this.#marks.set(reason, mark)
    return mark
  }

  markdown(): string {
    return [...this.#marks].map(([reason, mark]) => `${mark}. ${reason}`).join('\n')
  }
}

function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((cells) => cells[i]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  const [head, ...body] = rows
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
