import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../src/config/config.ts'
import type { Environment } from '../src/config/environment.ts'
import { explainSettings } from '../src/config/explain.ts'
import { ConfigError, loadConfig } from '../src/config/load.ts'
import { exampleYaml, referenceMarkdown } from '../src/config/reference.ts'

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'config.yaml')

function load(yaml: string, environment: Environment = {}): Config {
  writeFileSync(file, yaml)
  return loadConfig(file, environment).config
}

function problem(yaml: string, environment: Environment = {}): string {
  try {
    load(yaml, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error(`accepted:\n${yaml}`)
}

describe('loading', () => {
  test('an empty file, comments, a lone --- and a trailing one are the defaults', () => {
    const defaults = load('')
    expect(defaults).toMatchObject({
      server: { host: '127.0.0.1', port: 8080 },
      storage: { path: './data/ongoingai.db' },
      tracing: {
        captureBodies: false,
        bodyMaxSize: 1_048_576,
        flushIntervalMs: 100,
        journal: { path: './data/journal' },
      },
      pii: { redaction: { mode: 'off' } },
      auth: { enabled: false, header: 'x-ongoingai-gateway-key' },
    })
    expect(defaults.providers.map(({ name, prefix }) => [name, prefix])).toEqual([
      ['openai', '/openai'],
      ['anthropic', '/anthropic'],
      ['gemini', '/gemini'],
      ['mistral', '/mistral'],
      ['cohere', '/cohere'],
      ['groq', '/groq'],
      ['deepseek', '/deepseek'],
      ['xai', '/xai'],
      ['openrouter', '/openrouter'],
      ['perplexity', '/perplexity'],
      ['ollama', '/ollama'],
    ])
    for (const yaml of ['# nothing', '---\n', 'server: {}\n---\n', 'server:\n', '~'])
      expect(load(yaml)).toEqual(defaults)
  })

  test('a named file must exist, and must be a file', () => {
    expect(() => loadConfig(join(folder, 'nope.yaml'), {})).toThrow(`read config "${folder}/nope.yaml": open`)
    expect(() => loadConfig(folder, {})).toThrow(`read config "${folder}": read ${folder}: is a directory`)
  })

  test('numbers, booleans and texts are read as the original reads them', () => {
    const ports: [string, number][] = [
      ['0x1f90', 8080],
      ['0o17620', 8080],
      ['017620', 8080],
      ['8_081', 8081],
      ['8081.9', 8081],
      ['1.5e3', 1500],
      ['0b11', 3],
    ]
    for (const [text, port] of ports)
      expect([text, load(`server: {port: ${text}}`).server.port]).toEqual([text, port])
    for (const text of ['yes', 'Y', 'on', '"on"', 'TRUE']) {
      expect([text, load(`tracing: {capture_bodies: ${text}}`).tracing.captureBodies]).toEqual([text, true])
    }
    expect(load('pii: {mode: off}').pii.redaction.mode).toBe('off')
    expect(load('server: {host: ~}').server.host).toBe('127.0.0.1')
    expect(load('server: {cors_origins: [a, null, 1]}').server.corsOrigins).toEqual(['a', '1'])
    expect(load('server: {cors_origins: }').server.corsOrigins).toEqual([])
    for (const text of ['"8081"', 'true', '[1]', '{}'])
      expect(problem(`server: {port: ${text}}`)).toContain('into int')
    for (const text of ['1', '"true"', 'maybe'])
      expect(problem(`tracing: {capture_bodies: ${text}}`)).toContain('into bool')
  })

  test('all mistakes come at once, each with its line and path, and the nearest known name', () => {
    const message = problem('server:\n  port: x\n  hots: y\nauth:\n  unexpected_field: true\nstorage: 5\n')
    expect(message).toContain(`parse yaml "${file}": yaml: unmarshal errors:`)
    expect(message).toContain('line 2: cannot unmarshal !!str `x` into int (at server.port)')
    expect(message).toContain(
      'line 3: field hots not found in type config.ServerConfig (did you mean server.host?)',
    )
    expect(message).toContain('line 5: field unexpected_field not found in type config.AuthConfig')
    expect(message).toContain('line 6: cannot unmarshal !!str `5` into config.StorageConfig')
  })

  test('what is not one YAML document is refused', () => {
    expect(problem('server: [')).toContain('parse yaml')
    expect(problem('server: {}\n---\nserver: {}\n')).toContain('multiple yaml documents are not supported')
    expect(problem('server:\n  port: 1\n  port: 2\n')).toContain('line 3: mapping key is already defined')
    expect(problem('server:\n\tport: 1')).toContain('yaml: line 2')
  })

  test('aliases that stand for too much, and merges of themselves, are told with their line', () => {
    const doubling = Array.from({ length: 25 }, (_, i) => `  l${i + 1}: &l${i + 1} {<<: [*l${i}, *l${i}]}\n`)
    const laughs = `limits:\n  l0: &l0 {requests_per_minute: 1}\n${doubling.join('')}  per_key: {<<: *l25}\n`
    expect(problem(laughs)).toMatch(
      /yaml: line \d+: aliases stand for too much: more than 5000 were followed up to \*l\d/,
    )
    expect(problem('server: &a\n  port: 1\n  <<: [*a, *a]\n')).toContain(
      'yaml: line 3: aliases stand for too much',
    )
    expect(problem(`pii:\n  mode: ${'{a: '.repeat(20_000)}`)).toContain('yaml: line 2: nested too deeply')
  })

  test('anchors and merges work inside known fields', () => {
    const yaml = 'limits:\n  per_key: &x {requests_per_minute: 0}\n  per_workspace: {<<: *x}\n'
    expect(load(yaml).server.port).toBe(8080)
  })

  test('secrets may be read from files', () => {
    writeFileSync(join(folder, 'token'), 'read-from-a-file-0123\n')
    const config = load(`auth: {enabled: true, keys: [{id: k, token_file: ${folder}/token}]}`)
    expect(config.auth.keys[0]!.token).toBe('read-from-a-file-0123')
    expect(problem(`auth: {keys: [{token_file: ${folder}/missing}]}`)).toContain(
      'auth.keys[0].token_file: ENOENT',
    )
  })
})

describe('environment', () => {
  test('variables override the file; empty ones do not', () => {
    const yaml =
      'server: {port: 9090, host: 127.0.0.2}\nproviders: {openai: {upstream: "http://file"}, anthropic: {upstream: "http://kept"}}'
    const config = load(yaml, {
      ONGOINGAI_PORT: '7070',
      ONGOINGAI_HOST: '',
      ONGOINGAI_OPENAI_UPSTREAM: 'http://variable',
      ONGOINGAI_CAPTURE_BODIES: 'T',
      ONGOINGAI_PII_MODE: 'off',
    })
    expect(config.server).toMatchObject({ port: 7070, host: '127.0.0.2' })
    expect(config.providers.map((provider) => provider.upstream).slice(0, 2)).toEqual([
      'http://variable',
      'http://kept',
    ])
    expect(config.tracing.captureBodies).toBe(true)
  })

  test('a bad value is reported with the original’s text', () => {
    expect(problem('', { ONGOINGAI_PORT: 'not-a-number' })).toBe(
      'invalid ONGOINGAI_PORT: strconv.Atoi: parsing "not-a-number": invalid syntax',
    )
    expect(problem('', { ONGOINGAI_CAPTURE_BODIES: 'yes' })).toBe(
      'invalid ONGOINGAI_CAPTURE_BODIES: strconv.ParseBool: parsing "yes": invalid syntax',
    )
    expect(problem('', { OTEL_TRACES_SAMPLER_ARG: 'abc' })).toBe(
      'invalid OTEL_TRACES_SAMPLER_ARG: strconv.ParseFloat: parsing "abc": invalid syntax',
    )
    expect(problem('', { OTEL_TRACES_EXPORTER: 'zipkin' })).toBe(
      'invalid OTEL_TRACES_EXPORTER: must be one of otlp, none (got "zipkin")',
    )
  })

  test('samplers by name; console exports nothing; the newest names on request', () => {
    const { telemetry } = load('', { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'parentbased_always_off' })
    expect(telemetry.samplingRatio).toBe(0)
    expect(
      load('', { OTEL_TRACES_SAMPLER: 'always_on', OTEL_TRACES_SAMPLER_ARG: '0.2' }).telemetry.samplingRatio,
    ).toBe(1)
    expect(
      load('', { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.2' }).telemetry
        .samplingRatio,
    ).toBe(0.2)
    expect(load('', { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_EXPORTER: 'console' }).telemetry.traces).toBe(false)
    const optIn = {
      OTEL_SERVICE_NAME: 'x',
      OTEL_SEMCONV_STABILITY_OPT_IN: 'http/dup,gen_ai_latest_experimental',
    }
    expect(load('', optIn).telemetry.latestGenAi).toBe(true)
    expect(load('', { OTEL_SEMCONV_STABILITY_OPT_IN: 'gen_ai_latest_experimental' }).telemetry.enabled).toBe(
      false,
    )
    expect(load('observability: {log_level: WARN, log_format: text}').log).toEqual({
      level: 'WARN',
      format: 'text',
    })
  })

  test('telemetry variables that mean off never turn telemetry on', () => {
    const on = (environment: Environment): boolean => load('', environment).telemetry.enabled
    expect(on({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' })).toBe(true)
    expect(on({ OTEL_SERVICE_NAME: 'x' })).toBe(true)
    expect(on({ OTEL_METRICS_EXPORTER: 'prometheus' })).toBe(true)
    expect(on({ OTEL_METRICS_EXPORTER: 'otlp,prometheus' })).toBe(true)
    for (const off of [
      { OTEL_SDK_DISABLED: 'false' },
      { OTEL_TRACES_EXPORTER: 'none' },
      { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
      { ONGOINGAI_PROMETHEUS_ENABLED: 'false' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318', OTEL_SDK_DISABLED: 'true' },
    ]) {
      expect([off, on(off)]).toEqual([off, false])
    }
  })
})

const INVALID: [string, string][] = [
  ['server: {port: 70000}', 'server.port must be between 1 and 65535 (got 70000)'],
  ['storage: {path: " "}', 'storage.path is required when storage.driver=sqlite'],
  ['storage: {driver: postgres}', 'storage.dsn is required when storage.driver=postgres'],
  ['storage: {driver: mysql}', 'storage.driver must be one of sqlite, postgres (got "mysql")'],
  ['providers: {openai: {prefix: ""}}', 'providers.openai.prefix is required'],
  ['providers: {openai: {prefix: openai}}', 'providers.openai.prefix must start with \'/\' (got "openai")'],
  ['providers: {openai: {prefix: /}}', 'providers.openai.prefix must not be the root'],
  ['providers: {openai: {prefix: //}}', 'providers.openai.prefix must not be the root'],
  ['providers: {openai: {prefix: /api}}', 'must not overlap with /api routes'],
  ['providers: {openai: {prefix: /api/openai/}}', 'must not overlap with /api routes'],
  ['providers: {openai: {prefix: /anthropic/}}', 'provider route prefixes overlap'],
  ['providers: {openai: {prefix: /a/../b}}', 'must be a plain path'],
  ['providers: {openai: {upstream: " "}}', 'providers.openai.upstream is required'],
  [
    'providers: {openai: {upstream: "://x"}}',
    'parse providers.openai.upstream: parse "://x": missing protocol scheme',
  ],
  ['providers: {openai: {upstream: api.openai.com}}', 'must include scheme and host (got "api.openai.com")'],
  ['providers: {openai: {upstream: "localhost:8080"}}', 'must include scheme and host'],
  ['providers: {openai: {upstream: "https:///x"}}', 'must include scheme and host'],
  ['providers: {openai: {upstream: "ftp://x"}}', 'must be http or https'],
  ['providers: {openai: {upstream: "https://user:pass@x"}}', 'must not hold a user or password'],
  [
    'providers: {x: {upstream: "http://x", prefix: /x, api: soap}}',
    'providers.x.api must be one of openai, anthropic, gemini',
  ],
  ['auth: {header: " "}', 'auth.header must not be empty'],
  ['auth: {header: Authorization}', 'conflicts with Authorization/X-API-Key'],
  ['auth: {enabled: true, keys: [{id: a, token: " "}]}', 'gateway key token cannot be empty'],
  ['auth: {enabled: true, keys: [{token: a}, {token: " a "}]}', 'duplicate gateway key token in auth config'],
  ['auth: {enabled: true, keys: [{token: a, role: king}]}', 'auth.keys[0].role must be one of'],
  ['auth: {enabled: true, keys: [{token: a, permissions: [fly]}]}', 'unknown permission "fly"'],
  [
    'pii: {mode: unknown}',
    'pii.mode must be one of off, redact_storage, redact_upstream, block, redact_response, block_response (got "unknown")',
  ],
  ['pii: {scopes: [{mode: off}]}', 'pii.scopes[0].match must set at least one selector'],
  [
    'pii: {scopes: [{match: {route_prefix: openai/v1}}]}',
    "pii.scopes[0].match.route_prefix must start with '/'",
  ],
  ['pii: {scopes: [{match: {provider: OpenAI}}]}', 'pii.scopes[0].match.provider must be lowercase'],
  ['pii: {scopes: [{match: {provider: x}, mode: invalid-mode}]}', 'pii.scopes[0].mode must be one of'],
  [
    'observability: {otel: {enabled: true, sampling_ratio: 1.5}}',
    'sampling_ratio must be between 0 and 1 (got 1.500000)',
  ],
  ['observability: {otel: {enabled: true, endpoint: ""}}', 'observability.otel.endpoint is required'],
  [
    'observability: {otel: {enabled: true, traces_enabled: false, metrics_enabled: false}}',
    'observability.otel requires',
  ],
  [
    'observability: {otel: {enabled: true, prometheus_enabled: true, prometheus_path: metrics}}',
    "prometheus_path must start with '/'",
  ],
  [
    'observability: {otel: {enabled: true, prometheus_enabled: true, prometheus_path: /openai/metrics}}',
    'must not overlap with /openai',
  ],
  ['auth: {enabled: true, keys: [{token: short-token}]}', 'auth.keys[0].token can be guessed'],
  ['auth: {enabled: true, keys: [{token: aaaaaaaaaaaaaaaaaaaaaaaa}]}', 'auth.keys[0].token can be guessed'],
  [
    'auth: {enabled: true, keys: [{token: a-token-0123456789, networks: [10.0.0.256]}]}',
    'auth.keys[0].networks: "10.0.0.256" is neither an address nor a network',
  ],
  [
    'auth: {enabled: true, keys: [{token: a-token-0123456789, expires_at: soon}]}',
    'auth.keys[0].expires_at must be YYYY-MM-DD or RFC 3339 (got "soon")',
  ],
  ['auth: {enabled: true, max_staleness_ms: -1}', 'auth.max_staleness_ms must be >= 0 (got -1)'],
  ['auth: {enabled: true, pepper: short}', 'auth.pepper must have 32 characters or more'],
  ['server: {trusted_proxies: [everywhere]}', 'server.trusted_proxies must hold addresses and networks'],
  ['limits: {backend: carrier-pigeon}', 'limits.backend must be one of memory, redis, postgres'],
  ['limits: {backend: redis}', 'limits.redis_url must be a redis:// or rediss:// URL'],
  ['limits: {backend: postgres}', 'limits.backend=postgres needs storage.driver=postgres'],
  ['limits: {policies: [{name: a}]}', 'limits.policies[0]"a" limits nothing'.replace(']"', '] "')],
  ['limits: {policies: [{name: "a b", requests_per_minute: 1}]}', 'limits.policies[0].name must be 1 to 64'],
  ['limits: {policies: [{name: per_key, requests_per_minute: 1}]}', 'limits.policies[0].name is taken'],
  [
    'limits: {policies: [{name: a, per: planet, requests_per_minute: 1}]}',
    'per must be one of key, workspace',
  ],
  [
    'limits: {policies: [{name: a, budget: {cost_usd: 1, period: year}}]}',
    'budget.period must be one of day',
  ],
  ['limits: {policies: [{name: a, budget: {cost_usd: 1, time_zone: Mars}}]}', 'budget.time_zone is no IANA'],
  [
    'limits: {policies: [{name: a, budget: {cost_usd: 1, warn_at: [80]}}]}',
    'budget.warn_at must hold shares',
  ],
  ['limits: {policies: [{name: a, budget: {tokens: 99999999999999}}]}', 'budget.tokens must be between 0'],
  ['limits: {webhooks: [{url: example.com}]}', 'limits.webhooks[0].url must be an http:// or https:// URL'],
  ['pricing: {unknown_model: guess}', 'pricing.unknown_model must be one of allow, assume'],
  ['pricing: {unknown_model: assume}', 'pricing.assumed needs input and output'],
  ['pricing: {overrides: [{model: "", free: true}]}', 'pricing.overrides[0].model is required'],
  ['pricing: {overrides: [{model: x}]}', 'pricing.overrides[0] needs input, output, or free: true'],
  ['pricing: {overrides: [{model: x, free: true, from: tomorrow}]}', 'from must be YYYY-MM-DD'],
  ['pricing: {overrides: [{model: x, free: true, provider: nobody}]}', 'is not a configured provider'],
  ['tracing: {flush_interval_ms: 0}', 'tracing.flush_interval_ms must be between 1 and 60000'],
]

describe('validation', () => {
  for (const [yaml, text] of INVALID) {
    test(`${yaml} → ${text}`, () => {
      expect(problem(yaml)).toContain(text)
    })
  }

  test('everything that is wrong is said, with the place in the file', () => {
    const message = problem(
      'server:\n  port: 70000\nauth:\n  header: " "\nproviders:\n  openai: {prefix: x}\n',
    )
    expect(message).toContain(`(got 70000) (${file}:2)`)
    expect(message).toContain('and auth.header must not be empty')
    expect(message).toContain(`(got "x") (${file}:6)`)
  })

  test('nested prefixes are fine: the longest wins', () => {
    expect(
      load('providers: {openai: {prefix: /ai}, anthropic: {prefix: /ai/anthropic}}').providers,
    ).toHaveLength(11)
  })

  test('a provider can be taken out, and another put in', () => {
    const config = load(
      'providers: {gemini: {enabled: false}, local: {upstream: "http://127.0.0.1:1/v1", prefix: /local, prices: [{model: "*", free: true}]}}',
    )
    const names = config.providers.map((provider) => provider.name)
    expect(names).toContain('local')
    expect(names).not.toContain('gemini')
    expect(config.pricing.overrides).toMatchObject([{ provider: 'local', model: '*', free: true }])
  })

  test('captured bodies are redacted unless the mode says off', () => {
    expect(load('tracing: {capture_bodies: true}').pii.redaction.mode).toBe('redact_storage')
    expect(load('tracing: {capture_bodies: true}\npii: {mode: " OFF "}').pii.redaction.mode).toBe('off')
  })
})

test('explain names the origin of every value and shows no secret', () => {
  writeFileSync(file, 'server:\n  port: 9090\nauth:\n  keys:\n    - token: very-secret\n')
  const { document } = loadConfig(file, { ONGOINGAI_HOST: '127.0.0.9' })
  const rows = new Map(explainSettings(document, file).map((row) => [row.path, [row.value, row.origin]]))
  expect(rows.get('server.port')).toEqual(['9090', `${file}:2`])
  expect(rows.get('server.host')).toEqual(['"127.0.0.9"', 'ONGOINGAI_HOST'])
  expect(rows.get('storage.driver')).toEqual(['"sqlite"', 'default'])
  expect(rows.get('auth.keys[0].token')).toEqual(['********', `${file}:5`])
  expect([...rows.values()].flat().join()).not.toContain('very-secret')
})

test('the example file holds every setting at its default, and both generated files are current', () => {
  const example = readFileSync(join(import.meta.dir, '../ongoingai.example.yaml'), 'utf8')
  expect(example).toBe(exampleYaml())
  expect(load(example)).toEqual(load(''))
  expect(readFileSync(join(import.meta.dir, '../docs/configuration.md'), 'utf8')).toBe(referenceMarkdown())
})

test('presets stand back: azure without an upstream, and one whose prefix a provider of the operator has', () => {
  const names = (yaml: string): string[] => load(yaml).providers.map(({ name }) => name)
  expect(names('')).not.toContain('azure')
  expect(names('providers: {azure: {upstream: "https://r.openai.azure.com"}}')).toContain('azure')
  const own = names('providers: {fast: {upstream: "http://127.0.0.1:1", prefix: /groq}}')
  expect(own).toContain('fast')
  expect(own).not.toContain('groq')
})
