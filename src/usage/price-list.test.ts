import { expect, test } from 'bun:test'
import { NO_RATES } from '../../test/support/own-prices.ts'
import type { ModelNames } from './model-names.ts'
import { PriceList, type PriceQuery } from './price-list.ts'

const LIST = new PriceList({ unknownModel: 'allow', assumed: NO_RATES, overrides: [] })
const window = (provider: string, names: ModelNames, more: Partial<PriceQuery> = {}): number | undefined =>
  LIST.contextWindow({
    provider,
    upstreamUrl: '',
    dialect: 'openai',
    organizationId: '',
    workspaceId: '',
    keyId: '',
    names,
    at: Date.parse('2026-11-27T12:00:00Z'),
    ...more,
  })

test('the context window of a model is found by every name that its price is found by', () => {
  const listed = window('openai', { requested: 'gpt-4o' })
  expect(listed).toBe(128_000)
  expect(window('openai', { requested: 'gpt-4o-2024-11-20' })).toBe(listed)
  expect(window('azure', { requested: 'gpt-4o' })).toBe(listed)
  // An alias is the model of that day.
  expect(window('mistral', { requested: 'mistral-large-latest' })).toBe(262_144)
  const claude = window('anthropic', { requested: 'claude-sonnet-4-5' })
  expect(claude).toBe(200_000)
  expect(window('google', { path: 'claude-sonnet-4-5@20250929' })).toBe(claude)
  expect(window('aws', { path: 'global.anthropic.claude-sonnet-4-5-20250929-v1:0' })).toBe(claude)
})

test('of a model or a provider that no list has it is not known', () => {
  expect(window('openai', { requested: 'model-of-tomorrow' })).toBeUndefined()
  expect(window('somewhere', { requested: 'gpt-4o' })).toBeUndefined()
  expect(window('openai', {})).toBeUndefined()
})
