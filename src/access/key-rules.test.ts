import { expect, test } from 'bun:test'
import { NO_RULES, ruleProblems, rulesWithin } from './key-rules.ts'

test('rules are within others when they allow nothing more', () => {
  const rules = (more: Partial<typeof NO_RULES>): typeof NO_RULES => ({ ...NO_RULES, ...more })
  for (const [outer, inner, expected] of [
    [{}, {}, true],
    [{}, { models: ['a'] }, true],
    [{ models: ['a'] }, {}, false],
    [{ models: ['gpt-*'] }, { models: ['GPT-4o', 'gpt-5*'] }, true],
    [{ models: ['gpt-5*'] }, { models: ['gpt-*'] }, false],
    [{ models: ['gpt-5'] }, { models: ['gpt-5*'] }, false],
    [{ models: ['a', 'b'] }, { models: ['b', 'c'] }, false],
    [{ providers: ['openai'] }, { providers: ['openai'] }, true],
    [{ providers: ['openai'] }, { providers: ['OpenAI'] }, false],
    [{ routes: ['/openai/*'] }, { routes: ['/openai/v1/models'] }, true],
    [{ routes: ['/openai/v1'] }, { routes: ['/openai/v1/models'] }, false],
    [{ networks: ['10.0.0.0/8'] }, { networks: ['10.1.0.0/16', '10.0.0.1'] }, true],
    [{ networks: ['10.0.0.0/8'] }, { networks: ['10.1.0.0/16', '11.0.0.1'] }, false],
    [{ networks: ['10.0.0.0/8'] }, {}, false],
  ] as const) {
    expect([outer, inner, rulesWithin(rules(outer), rules(inner))]).toEqual([outer, inner, expected])
  }
})

test('what rules cannot hold is said', () => {
  expect(ruleProblems({ ...NO_RULES, models: ['gpt-*'], networks: ['::1', '10.0.0.0/8'] })).toEqual([])
  expect(ruleProblems({ models: ['g*t'], providers: [' '], routes: ['v1'], networks: ['here'] })).toEqual([
    'networks: "here" is neither an address nor a network in CIDR notation',
    'models: "g*t" may have a * only at its end',
    'providers: an entry must not be empty',
    'routes: "v1" must start with /',
  ])
})
