import { waitForUpdate } from '@pydantic/genai-prices'
import { expect, test } from 'bun:test'
import { matchScore } from './model-match.ts'
import { findModel, listedModels } from './price-list.ts'
import { LEAST_BRACKET } from './price-table.ts'

const providers = (await waitForUpdate())!
const idOf = (vendor: string, name: string): string | undefined =>
  findModel(
    providers.find(({ id }) => id === vendor)!,
    name,
    providers,
  )?.model.id

test('dates, revisions and stages are the same model', () => {
  expect(idOf('openai', 'gpt-5.4-mini-2026-03-17')).toBe('gpt-5.4-mini')
  expect(idOf('openai', 'gpt-5.4-mini-2026-09-30')).toBe('gpt-5.4-mini')
  expect(idOf('anthropic', 'claude-haiku-4-5-20251001')).toBe('claude-haiku-4-5')
  expect(idOf('anthropic', 'Claude-Sonnet-4-5 ')).toBe('claude-sonnet-4-5')
  expect(idOf('anthropic', 'claude-3-5-haiku-latest')).toBe('claude-3-5-haiku-latest')
  expect(idOf('google', 'models/gemini-2.5-pro-preview-05-06')).toBe('gemini-2.5-pro')
  expect(idOf('google', 'gemini-2.0-flash-001')).toBe('gemini-2.0-flash')
  expect(idOf('aws', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0')).toMatch(/claude-sonnet-4-5/)
  expect(idOf('azure', 'gpt-5-mini')).toBe('gpt-5-mini')
})

test('a model of a later family never gets the price of its ancestor', () => {
  for (const [vendor, name] of [
    ['anthropic', 'claude-sonnet-5-5'],
    ['anthropic', 'claude-sonnet-5-5-20270101'],
    ['anthropic', 'claude-opus-4-8-1'],
    ['anthropic', 'claude-haiku-4-5-pro'],
    ['google', 'gemini-3.8-flash-ultra'],
    ['google', 'gemini-2.5-pro-max'],
    ['openai', 'gpt-6.1-sol'],
    ['openai', 'gpt-5.4-mini-high'],
    ['openai', 'my-gpt-4o'],
  ] as const) {
    expect([name, idOf(vendor, name)]).toEqual([name, undefined])
  }
})

test('every model of the bundled list is found by its own name where its entry matches it at all', () => {
  const lost = providers.flatMap((provider) =>
    provider.models.flatMap(({ id, match }) => {
      if (matchScore(match, id.toLowerCase()) === undefined) return []
      return findModel(provider, id, providers) ? [] : [`${provider.id} ${id}`]
    }),
  )
  expect(lost).toEqual([])
})

test('no bracket of the lists begins where small bills are added together', () => {
  const starts = listedModels(undefined, Date.parse('2026-11-22')).flatMap(({ prices }) =>
    Object.values(prices).flatMap((price) =>
      typeof price === 'object' ? price.tiers.map(({ start }) => start) : [],
    ),
  )
  expect(Math.min(...starts)).toBeGreaterThanOrEqual(LEAST_BRACKET)
})

test('a hostile name of many dates or folders is judged as quickly as any other', () => {
  const dates = '-2024-01-01'.repeat(20)
  for (const name of ['claude-haiku-4-5', 'gemini-2.5-pro', 'gpt-realtime'].map((id) => `${id}${dates}x`)) {
    expect(idOf('anthropic', name) ?? idOf('google', name) ?? idOf('openai', name)).toBeUndefined()
  }
  expect(idOf('google', `${'a-b/'.repeat(60)}!claude-opus-5`)).toBeUndefined()
})
