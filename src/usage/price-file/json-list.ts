import type {
  ConditionalPrice,
  MatchLogic,
  ModelInfo,
  ModelPrice,
  Provider,
  TieredPrices,
} from '@pydantic/genai-prices'
import { isDay } from '../../time/day.ts'
import { bracketed } from './brackets.ts'
import type { Findings } from './findings.ts'
import { MOST_MODELS, MOST_NAME } from './list-bounds.ts'
import { checkedRate, isPriceKey } from './price-keys.ts'
import { patternProblem } from './safe-pattern.ts'

type Members = Readonly<Record<string, unknown>>

const PROVIDER_MEMBERS = [
  'id',
  'name',
  'description',
  'api_pattern',
  'pricing_urls',
  'price_comments',
  'model_match',
  'provider_match',
  'extractors',
  'fallback_model_providers',
  'models',
]
const MODEL_MEMBERS = [
  'id',
  'name',
  'description',
  'match',
  'context_window',
  'prices',
  'price_comments',
  'deprecated',
  'prices_checked',
  'price_discrepancies',
]

/** How deep match conditions may nest, and how many a model may have. */
const MOST_MATCH_DEPTH = 6
const MOST_MATCHES = 500

/** Largest number of prices by date and hour of one model. */
const MOST_CONDITIONS = 100

const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/

/**
 * Checks the providers of a list in the format of genai-prices' `data.json` and keeps what prices need. Unknown
 * members are doubts. An unknown condition or an impossible rate is a mistake.
 *
 * @see https://github.com/pydantic/genai-prices
 */
export function readProviders(value: unknown, findings: Findings): readonly Provider[] {
  const path = 'providers'
  if (!Array.isArray(value)) {
    findings.wrong(path, 'must be a list')
    return []
  }
  let left = MOST_MODELS
  const providers = value.flatMap((one: unknown, i) => {
    const members = membersOf(one, `${path}[${i}]`, findings)
    const models = Array.isArray(members?.['models']) ? members['models'].length : 0
    left -= models
    return members && left >= 0 ? [readProvider(members, `${path}[${i}]`, findings)] : []
  })
  if (left < 0) findings.wrong(path, `more than ${MOST_MODELS} models`)
  if (left === MOST_MODELS) findings.wrong(path, 'there are no models')
  unique(providers, path, findings)
  return providers
}

function readProvider(members: Members, path: string, findings: Findings): Provider {
  known(members, PROVIDER_MEMBERS, path, findings)
  const id = nameIn(members, 'id', path, findings)
  const pattern = members['api_pattern'] ?? ''
  const problem = typeof pattern === 'string' ? patternProblem(pattern) : 'no text'
  if (problem !== undefined) findings.wrong(`${path}.api_pattern`, problem)
  const fallbacks = members['fallback_model_providers'] ?? []
  const areNames =
    Array.isArray(fallbacks) && fallbacks.length <= 20 && fallbacks.every((one) => typeof one === 'string')
  if (!areNames) findings.wrong(`${path}.fallback_model_providers`, 'must be a list of at most 20 providers')
  const models = members['models']
  if (!Array.isArray(models)) findings.wrong(`${path}.models`, 'must be a list')
  const read = (Array.isArray(models) ? models : []).flatMap((one: unknown, i) => {
    const at = `${path}.models[${i}]`
    const model = membersOf(one, at, findings)
    return model ? [readModel(model, at, findings)] : []
  })
  unique(read, `${path}.models`, findings)
  return {
    id,
    name: id,
    api_pattern: typeof pattern === 'string' ? pattern : '',
    models: read,
    ...(areNames && fallbacks.length > 0 ? { fallback_model_providers: fallbacks } : {}),
  }
}

function readModel(members: Members, path: string, findings: Findings): ModelInfo {
  known(members, MODEL_MEMBERS, path, findings)
  const id = nameIn(members, 'id', path, findings)
  const place = `${path} (${id})`
  const comments = members['price_comments']
  return {
    id,
    match: readMatch(
      members['match'],
      `${place}.match`,
      { depth: 0, count: { left: MOST_MATCHES } },
      findings,
    ),
    prices: readPrices(members['prices'], `${place}.prices`, findings),
    ...(typeof comments === 'string' ? { price_comments: comments.slice(0, 2000) } : {}),
  }
}

const NOTHING: MatchLogic = { or: [] }

function readMatch(
  value: unknown,
  path: string,
  bounds: { readonly depth: number; readonly count: { left: number } },
  findings: Findings,
): MatchLogic {
  const { depth, count } = bounds
  const members = membersOf(value, path, findings)
  const [[kind, operand] = ['', undefined], more] = Object.entries(members ?? {})
  count.left -= 1
  if (!members) return NOTHING
  if (more !== undefined || depth > MOST_MATCH_DEPTH || count.left < 0) {
    findings.wrong(path, more === undefined ? 'too many conditions' : 'must have one condition')
    return NOTHING
  }
  switch (kind) {
    case 'or':
    case 'and': {
      if (!Array.isArray(operand) || operand.length === 0) {
        findings.wrong(`${path}.${kind}`, 'must be a list of conditions')
        return NOTHING
      }
      const parts = operand
        .slice(0, MOST_MATCHES + 1)
        .map((part, i) => readMatch(part, `${path}.${kind}[${i}]`, { depth: depth + 1, count }, findings))
      return kind === 'or' ? { or: parts } : { and: parts }
    }
    case 'equals':
    case 'starts_with':
    case 'ends_with':
    case 'contains':
    case 'regex': {
      const problem =
        typeof operand !== 'string' || operand === '' || operand.length > MOST_NAME
          ? `must be a text of at most ${MOST_NAME} characters`
          : kind === 'regex'
            ? patternProblem(operand)
            : undefined
      if (problem !== undefined) findings.wrong(`${path}.${kind}`, problem)
      return problem === undefined ? ({ [kind]: operand } as unknown as MatchLogic) : NOTHING
    }
    default:
      findings.wrong(path, 'must be one of equals, starts_with, ends_with, contains, regex, or, and')
      return NOTHING
  }
}

function readPrices(value: unknown, path: string, findings: Findings): ModelInfo['prices'] {
  if (!Array.isArray(value)) return readRates(value, path, findings)
  if (value.length === 0 || value.length > MOST_CONDITIONS) {
    findings.wrong(path, `must have between 1 and ${MOST_CONDITIONS} prices`)
    return []
  }
  return value.flatMap((one: unknown, i) => {
    const at = `${path}[${i}]`
    const members = membersOf(one, at, findings)
    if (!members) return []
    known(members, ['constraint', 'prices'], at, findings)
    const constraint = readConstraint(members['constraint'] ?? undefined, `${at}.constraint`, findings)
    const prices = readRates(members['prices'], `${at}.prices`, findings)
    return [{ ...(constraint ? { constraint } : {}), prices }]
  })
}

function readConstraint(value: unknown, path: string, findings: Findings): ConditionalPrice['constraint'] {
  if (value === undefined) return undefined
  const members = membersOf(value, path, findings)
  if (!members) return undefined
  const { start_date: day, start_time: start, end_time: end, type: _type, ...others } = members
  for (const name of Object.keys(others))
    findings.wrong(`${path}.${name}`, 'is not a condition that is known')
  if (typeof day === 'string' && isDay(day) && start === undefined && end === undefined) {
    return { type: 'start_date', start_date: day }
  }
  const isTime = (time: unknown): time is string => typeof time === 'string' && TIME_OF_DAY.test(time)
  if (day === undefined && isTime(start) && isTime(end)) {
    return { type: 'time_of_date', start_time: start, end_time: end }
  }
  findings.wrong(path, 'must be start_date (2026-11-30), or start_time and end_time (01:00:00Z)')
  return undefined
}

function readRates(value: unknown, path: string, findings: Findings): ModelPrice {
  const prices: ModelPrice = {}
  for (const [key, price] of Object.entries(membersOf(value, path, findings) ?? {})) {
    const place = `${path}.${key}`
    if (price === null || price === undefined) continue
    if (!isPriceKey(key)) findings.doubtful(place, 'is not known and not read')
    else if (typeof price === 'object') prices[key] = readBrackets(key, price, place, findings)
    else prices[key] = checkedRate(key, price, place, findings)
  }
  return prices
}

function readBrackets(
  key: string,
  value: object,
  place: string,
  findings: Findings,
): number | TieredPrices | undefined {
  const { base, tiers, ...others } = value as Members
  for (const name of Object.keys(others)) findings.wrong(`${place}.${name}`, 'is not known')
  const rate = checkedRate(key, base, `${place}.base`, findings)
  if (!Array.isArray(tiers) || tiers.length > 100) {
    findings.wrong(`${place}.tiers`, 'must be a list of at most 100')
    return rate
  }
  const read = tiers.map((tier: unknown, i) => {
    const at = `${place}.tiers[${i}]`
    const members = membersOf(tier, at, findings)
    return {
      start: Number(members?.['start']),
      price: checkedRate(key, members?.['price'], `${at}.price`, findings) ?? 0,
    }
  })
  return rate === undefined ? undefined : bracketed(rate, read, place, findings)
}

function membersOf(value: unknown, path: string, findings: Findings): Members | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  findings.wrong(path, value === undefined ? 'is missing' : 'must be an object')
  return undefined
}

function known(members: Members, names: readonly string[], path: string, findings: Findings): void {
  for (const name of Object.keys(members)) {
    if (!names.includes(name)) findings.doubtful(`${path}.${name}`, 'is not known and not read')
  }
}

function nameIn(members: Members, name: string, path: string, findings: Findings): string {
  const text = members[name]
  if (typeof text === 'string' && text.trim() !== '' && text.length <= MOST_NAME) return text
  findings.wrong(`${path}.${name}`, `must be a text of at most ${MOST_NAME} characters`)
  return ''
}

function unique(entries: readonly { readonly id: string }[], path: string, findings: Findings): void {
  const seen = new Set<string>()
  for (const { id } of entries) {
    if (seen.has(id)) findings.wrong(path, `${JSON.stringify(id)} comes twice`)
    seen.add(id)
  }
}
