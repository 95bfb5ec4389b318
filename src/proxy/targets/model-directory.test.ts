import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CompiledRules, NO_RULES } from '../../access/key-rules.ts'
import type { DialectName } from '../../providers/dialects/dialects.ts'
import type { ProviderConfig } from '../../providers/settings.ts'
import { ModelDirectory, type ModelQuestion } from './model-directory.ts'
import { meetsRequirement } from './requirement.ts'
import type { ModelConfig } from './settings.ts'

function provider(
  name: string,
  {
    api = 'openai',
    upstream = `https://${name}.example`,
    region = '',
    zeroRetention = false,
  }: {
    readonly api?: DialectName
    readonly upstream?: string
    readonly region?: string
    readonly zeroRetention?: boolean
  } = {},
): ProviderConfig {
  return {
    name,
    upstream,
    prefix: `/${name}`,
    api,
    credentialHeader: '',
    timeouts: { connectMs: 0, firstByteMs: 0, idleMs: 0, totalMs: 0 },
    connection: { proxy: '', ca: '', certificate: '', key: '' },
    headers: { set: [], remove: [] },
    region,
    zeroRetention,
    retryOn: [],
  }
}

function model(
  name: string,
  targets: readonly string[],
  require: Partial<ModelConfig['require']> = {},
): ModelConfig {
  return {
    name,
    affinity: 'session',
    require: { region: [], zeroRetention: false, ...require },
    targets: targets.map((target) => {
      const [at = '', called = ''] = target.split(':')
      return { provider: at, model: called, weight: 1, tier: 1 }
    }),
  }
}

const DEFAULTS = { openai: 'openai', anthropic: 'anthropic', gemini: 'gemini' }
const ask = (name: string, more: Partial<ModelQuestion> = {}): ModelQuestion => ({
  name,
  dialect: 'openai',
  place: 'model',
  rules: undefined,
  ...more,
})
const withModels = (...models: readonly string[]) => new CompiledRules({ ...NO_RULES, models })

test('an alias comes first, then provider/model, then the default provider', () => {
  const directory = new ModelDirectory(
    [model('own/x', ['openai:a'])],
    [provider('openai'), provider('own')],
    DEFAULTS,
  )
  const found = (name: string) => {
    const { alias, targets, rewrite } = directory.resolve(ask(name))
    return [alias, ...targets.map((target) => target.name), targets[0]?.model, rewrite]
  }
  expect(found('own/x')).toEqual(['own/x', 'openai/a', 'a', 'model'])
  expect(found('own/y/z')).toEqual([undefined, 'own/y/z', 'y/z', 'model'])
  expect(found('other/y')).toEqual([undefined, 'openai/other/y', undefined, undefined])
  expect(found('own/')).toEqual([undefined, 'openai/own/', undefined, undefined])
})

test('a requirement leaves targets out, whatever else is asked', () => {
  const regions = fc.constantFrom('', 'eu', 'us')
  const providers = fc.array(fc.record({ region: regions, zeroRetention: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  })
  const require = fc.record({ region: fc.uniqueArray(regions), zeroRetention: fc.boolean() })
  fc.assert(
    fc.property(providers, require, (given, required) => {
      const all = given.map((one, i) => provider(`p${i}`, one))
      const alias = model(
        'safe',
        all.map(({ name }) => `${name}:m`),
        required,
      )
      const directory = new ModelDirectory([alias], all, DEFAULTS)
      const met = all.filter((one) => meetsRequirement(one, required)).map(({ name }) => `${name}/m`)
      if (met.length === 0) expect(() => directory.resolve(ask('safe'))).toThrow('no target of model safe')
      else expect(directory.resolve(ask('safe')).targets.map(({ name }) => name)).toEqual(met)
    }),
  )
})

test('a key uses the targets that it allows, or all of an alias that it allows', () => {
  const directory = new ModelDirectory(
    [model('fast', ['openai:big', 'own:small'])],
    [provider('openai'), provider('own')],
    DEFAULTS,
  )
  const used = (...models: readonly string[]) =>
    directory.resolve(ask('fast', { rules: withModels(...models) })).targets.map(({ name }) => name)
  expect(used('FAST')).toEqual(['openai/big', 'own/small'])
  expect(used('small')).toEqual(['own/small'])
  expect(used('openai/*')).toEqual(['openai/big'])
  expect(() => used('other')).toThrow('gateway key is not allowed for model fast')
  const ownOnly = new CompiledRules({ ...NO_RULES, providers: ['own'] })
  expect(directory.resolve(ask('fast', { rules: ownOnly })).targets).toHaveLength(1)
})

test('a name that nobody takes is refused with what is known', () => {
  const directory = new ModelDirectory([model('fast', ['own:m'])], [provider('own')], DEFAULTS)
  expect(() => directory.resolve(ask('fats'))).toThrow('did you mean fast?')
  expect(() => directory.resolve(ask('gpt-5'))).toThrow('known names are fast')
  expect(() => directory.resolve(ask('gpt-5', { rules: withModels('gpt*') }))).not.toThrow('known names')
})

test.each([
  ['https://openrouter.ai', 'openai', 'openai', '/api/v1'],
  ['https://openrouter.ai/api', 'openai', 'openai', '/v1'],
  ['https://api.groq.com', 'openai', 'openai', '/openai/v1'],
  ['https://generativelanguage.googleapis.com', 'gemini', 'openai', '/v1beta/openai'],
  ['https://own.openai.azure.com', 'azure', 'openai', '/openai/v1'],
  ['https://own.openai.azure.com/openai', 'azure', 'openai', '/v1'],
  ['https://own.openai.azure.com', 'azure', 'anthropic', undefined],
  ['https://own.services.ai.azure.com', 'azure', 'anthropic', '/anthropic/v1'],
  ['https://own.services.ai.azure.com/anthropic', 'azure', 'anthropic', '/v1'],
  ['https://bedrock-mantle.us-east-1.api.aws', 'bedrock', 'anthropic', '/anthropic/v1'],
  ['https://bedrock-mantle.us-east-1.api.aws', 'openai', 'openai', '/v1'],
  ['https://bedrock-runtime.us-east-1.amazonaws.com', 'bedrock', 'openai', '/openai/v1'],
  ['https://bedrock-runtime.us-east-1.amazonaws.com/openai', 'bedrock', 'openai', '/v1'],
  ['https://proxy.example/bedrock', 'bedrock', 'openai', '/openai/v1'],
  [
    'https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu',
    'vertex',
    'gemini',
    '/publishers/google',
  ],
  ['http://localhost:11434', 'ollama', 'anthropic', '/v1'],
  ['http://localhost:8000/base', 'openai', 'openai', '/v1'],
  ['http://localhost:8000', 'openai', 'anthropic', undefined],
] as const)('%s with api %s serves %s at %p', (upstream, api, dialect, at) => {
  const directory = new ModelDirectory([], [provider('own', { upstream, api })], DEFAULTS)
  expect(directory.servedAt('own', dialect)).toBe(at)
})

test('where the path names the model, a call is taken or not, and a stream too', () => {
  const directory = new ModelDirectory(
    [model('claude', ['bedrock:b', 'vertex:v'])],
    [provider('bedrock', { api: 'bedrock' }), provider('vertex', { api: 'vertex' })],
    DEFAULTS,
  )
  const takers = (path: string, streaming: boolean): string[] =>
    directory
      .resolve(ask('claude', { dialect: 'anthropic', call: { path, streaming } }))
      .targets.map(({ name }) => name)
  expect(takers('/v1/messages', false)).toEqual(['bedrock/b', 'vertex/v'])
  expect(takers('/v1/messages', true)).toEqual(['vertex/v'])
  expect(takers('/v1/messages/count_tokens', false)).toEqual(['vertex/v'])
  expect(() => takers('/v1/messages/batches', false)).toThrow(
    'no target of model claude takes /v1/messages/batches as the API of Anthropic does',
  )
  expect(() =>
    directory.resolve(
      ask('bedrock/b', { dialect: 'anthropic', call: { path: '/v1/messages', streaming: true } }),
    ),
  ).toThrow('streams')
})
