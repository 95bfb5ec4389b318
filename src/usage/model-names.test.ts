import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  askedNames,
  formsOf,
  isSameModel,
  lookupsOf,
  nameForms,
  nameMatching,
  namesInOrder,
  vendorsInNames,
  type ModelNames,
} from './model-names.ts'

const AT = Date.parse('2026-11-27T12:00:00Z')
const order = (names: ModelNames): string[] => namesInOrder(names).map(({ by }) => by)

describe('the order of the names', () => {
  test('the answer comes first, then the path, then the content', () => {
    expect(order({ answered: 'gpt-4o-2024-11-20', requested: 'gpt-4o' })).toEqual(['answered', 'requested'])
    expect(order({ answered: 'gpt-4o-2024-11-20', path: 'prod-chat' })).toEqual(['answered', 'path'])
    expect(order({ path: 'gemini-2.5-pro', requested: 'gemini-2.5-pro-001' })).toEqual(['path', 'requested'])
  })

  test('a name that means the same model and says more comes before the answer', () => {
    const profile = 'global.anthropic.claude-sonnet-4-5-20250929-v1:0'
    expect(order({ answered: 'claude-sonnet-4-5-20250929', path: profile })).toEqual(['path', 'answered'])
    const free = { answered: 'deepseek/deepseek-r1', requested: 'deepseek/deepseek-r1:free' }
    expect(order(free)).toEqual(['requested', 'answered'])
    expect(order({ answered: 'claude-opus-5', path: profile })).toEqual(['answered', 'path'])
    const regional = {
      answered: 'claude-sonnet-4-5',
      path: 'anthropic.claude-sonnet-4-5',
      requested: profile,
    }
    expect(order(regional)).toEqual(['answered', 'path', 'requested'])
  })

  test('a name in the content counts beside the path’s only if it means the same model', () => {
    const path = { answered: 'gemini-2.5-pro', path: 'gemini-2.5-pro' }
    expect(order({ ...path, requested: 'our-free-model' })).toEqual(['answered'])
    expect(order({ ...path, requested: 'models/gemini-2.5-pro-001' })).toEqual(['answered', 'requested'])
    const deployment = { answered: 'gpt-4o-2024-11-20', path: 'prod-chat', requested: 'gpt-4o' }
    expect(order(deployment)).toEqual(['answered', 'path', 'requested'])
  })

  test('a name that stands in two places counts once, as the more telling one’s', () => {
    expect(namesInOrder({ answered: 'o3', requested: ' o3 ', path: 'o3' })).toEqual([
      { name: 'o3', by: 'answered' },
    ])
  })

  test('no names are no candidates', () => {
    expect(namesInOrder({})).toEqual([])
    expect(namesInOrder({ answered: '', requested: '  ' })).toEqual([])
  })
})

test('names mean one model whatever their date, place, vendor, folder and variant', () => {
  for (const [one, other] of [
    ['gpt-4o', 'gpt-4o-2024-11-20'],
    ['openai/gpt-4o:nitro', 'gpt-4o'],
    ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5-20250929'],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5-20250929'],
    ['arn:aws:bedrock:us-east-1:1:inference-profile/eu.amazon.nova-pro-v1:0', 'amazon.nova-pro-v1:0'],
    ['publishers/google/models/gemini-2.5-pro', 'models/gemini-2.5-pro'],
    ['mistral-large-latest', 'mistral-large-2512'],
    ['command-r-08-2024', 'command-r'],
  ] as const) {
    expect([one, other, isSameModel(one, other), isSameModel(other, one)]).toEqual([one, other, true, true])
  }
  for (const [one, other] of [
    ['gpt-4o', 'gpt-4o-mini'],
    ['gpt-5.6-sol', 'gpt-6-sol'],
    ['claude-sonnet-5', 'claude-sonnet-5-5'],
    ['grok-4.5', 'grok-4.6'],
    ['', ''],
  ] as const) {
    expect([one, other, isSameModel(one, other)]).toEqual([one, other, false])
  }
})

test('a name is also looked up without its folders and its place', () => {
  expect(formsOf('models/gemini-2.5-pro')).toEqual(['models/gemini-2.5-pro', 'gemini-2.5-pro'])
  expect(formsOf('projects/p/locations/l/publishers/anthropic/models/claude-opus-5')).toContain(
    'claude-opus-5',
  )
  const arn = 'arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5'
  expect(formsOf(arn)).toEqual([arn, 'us.anthropic.claude-opus-5', 'anthropic.claude-opus-5'])
  expect(formsOf('us.model')).toEqual(['us.model'])
})

test('a list is asked for what an alias stands for, and for a model without whose it is', () => {
  const asked = (name: string, vendor: string): unknown[] =>
    lookupsOf({ answered: name }, vendor, AT).map(({ name: form, doubt }) => [form, doubt !== undefined])
  expect(asked('mistral-small-latest', 'mistral')).toEqual([
    ['mistral-small-2603', false],
    ['mistral-small-latest', true],
  ])
  expect(asked('xAI/grok-4.3', 'x-ai')).toEqual([
    ['xai/grok-4.3', false],
    ['grok-4.3', false],
  ])
  expect(asked('openai/gpt-oss-120b', 'groq')).toEqual([['openai/gpt-oss-120b', false]])
  expect(asked('openai/gpt-4o:floor', 'openrouter')).toEqual([
    ['openai/gpt-4o:floor', false],
    ['openai/gpt-4o', true],
  ])
  const free = lookupsOf({ answered: 'a/b', requested: 'a/b:free' }, 'openrouter', AT)
  expect(free.map(({ name, doubt }) => [name, doubt])).toEqual([
    ['a/b:free', undefined],
    ['a/b', 'no price for a/b:free; that of a/b was used'],
  ])
  expect(asked('somebody/some-model-latest', 'together')).toEqual([['somebody/some-model-latest', true]])
})

test('an own price is for any of the names, in any of their forms', () => {
  const names = { answered: 'gpt-4o-2024-11-20', requested: 'gpt-4o', path: 'prod-chat' }
  const matching = (pattern: string, said: ModelNames = names) => nameMatching(pattern, nameForms(said))?.by
  expect(matching('gpt-4o')).toBe('requested')
  expect(matching('gpt-4o*')).toBe('answered')
  expect(matching('prod-*')).toBe('path')
  expect(matching('gpt-4')).toBeUndefined()
  const profile = { path: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' }
  expect(matching('anthropic.claude-sonnet-4-5*', profile)).toBe('path')
})

test('a request has the names of its content, its query and its path', () => {
  const target = { path: '', deployment: '', query: ['gpt-realtime'] }
  expect(askedNames(target, undefined)).toEqual({ requested: 'gpt-realtime' })
  expect(askedNames(target, 'gpt-4o')).toEqual({ requested: 'gpt-4o' })
  expect(askedNames({ path: '', deployment: 'prod', query: [] }, '')).toEqual({ path: 'prod' })
  expect(vendorsInNames({ answered: 'gpt-4o', requested: 'vertex_ai/gemini-2.5-pro' })).toEqual(['google'])
})

const PIECES = 'gpt-4o us. anthropic. models/ arn: / : -latest -2024-01-01 @ :free -v1:0 . - x É'.split(' ')
const hostile = fc
  .array(fc.constantFrom(...PIECES, '\n', '\u0000', ' '), { maxLength: 400 })
  .map((parts) => parts.join(''))
const someNames = fc.record(
  { answered: hostile, requested: hostile, path: hostile },
  { requiredKeys: [] },
) as fc.Arbitrary<ModelNames>

test('whatever names are, they are looked up without an error, a bounded number of times, and always the same', () => {
  fc.assert(
    fc.property(someNames, fc.constantFrom('openai', 'mistral', 'openrouter', 'aws', ''), (names, vendor) => {
      const lookups = lookupsOf(names, vendor, AT)
      expect(lookups.length).toBeLessThanOrEqual(36)
      for (const { name } of lookups) expect(name.length).toBeLessThanOrEqual(256)
      // How an object happens to be built says nothing.
      const { answered, requested, path } = names
      expect(lookupsOf({ path, requested, answered }, vendor, AT)).toEqual(lookups)
      expect(new Set(namesInOrder(names).map(({ name }) => name)).size).toBe(namesInOrder(names).length)
    }),
  )
})

test('the answer’s name is looked at before any that does not mean its model', () => {
  fc.assert(
    fc.property(someNames, (names) => {
      const found = namesInOrder(names)
      const answer = found.findIndex(({ by }) => by === 'answered')
      for (const { name } of found.slice(0, Math.max(answer, 0))) {
        expect(isSameModel(name, (names.answered ?? '').slice(0, 256).trim())).toBe(true)
      }
    }),
  )
})
