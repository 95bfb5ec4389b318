import { expect, test } from 'bun:test'
import { nearestRoute, notFoundText } from './not-found.ts'

const PROVIDERS = ['anthropic', 'cohere', 'gemini', 'groq', 'openai', 'openrouter', 'xai'].map((name) => ({
  name,
  prefix: `/${name}`,
  api: 'openai' as const,
}))

/** The path that a 404 suggests. */
function suggested(path: string): string | undefined {
  return /did you mean (.*)\?/.exec(notFoundText(path, PROVIDERS))?.[1]
}

test('a 404 suggests the prefix that was mistyped', () => {
  for (const [path, meant] of [
    ['/opnai/v1/x', '/openai/v1/x'],
    ['/opneai', '/openai'],
    ['/gorq/v1', '/groq/v1'],
    ['/antrhopc/v1', '/anthropic/v1'],
    ['/OpenAI/v1', '/openai/v1'],
  ] as const)
    expect([path, suggested(path)]).toEqual([path, meant])
})

test('a 404 suggests nothing where another word was meant', () => {
  for (const path of ['/nowhere', '/groups', '/xml', '/admin', '/open', '/metrics', '/'])
    expect([path, suggested(path)]).toEqual([path, undefined])
})

test('routes of the management API are suggested for a slip, not for another name', () => {
  expect(nearestRoute('/api/trace')).toBe('/api/traces')
  expect(nearestRoute('/api/analytics/sumary')).toBe('/api/analytics/summary')
  expect(nearestRoute('/api/analytics/foo')).toBeUndefined()
  expect(nearestRoute('/api/nothing')).toBeUndefined()
})
