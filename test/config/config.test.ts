import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../src/config/config.ts'
import { decodeSettings } from '../../src/config/document.ts'
import type { Environment } from '../../src/config/environment.ts'
import { explainSettings } from '../../src/config/explain.ts'
import { ConfigError, loadConfig, readSettings } from '../../src/config/load.ts'
import { exampleYaml } from '../../src/config/example-file.ts'
import { referenceMarkdown } from '../../src/config/reference.ts'
import type { Section } from '../../src/config/setting.ts'
import { SETTINGS } from '../../src/config/settings.ts'

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
      ['chatgpt', '/chatgpt'],
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
    expect(load('server: {allowed_hosts: [a, null, 1]}').server.allowedHosts).toEqual(['a', '1'])
    expect(load('server: {cors_origins: }').server.corsOrigins).toEqual([])
    for (const text of ['"8081"', 'true', '[1]', '{}'])
      expect(problem(`server: {port: ${text}}`)).toMatch(
        /^server\.port must be a (whole number|single value)/,
      )
    for (const text of ['1', '"true"', 'maybe'])
      expect(problem(`tracing: {capture_bodies: ${text}}`)).toContain('capture_bodies must be true or false')
  })

  test('all mistakes come at once: of types, names, values and variables, each with its place', () => {
    const yaml =
      'server:\n  port: x\n  hots: y\nauth:\n  unexpected_field: true\n  header: " "\nstorage: 5\nproviders:\n  openai: {prefix: x}\n'
    expect(problem(yaml, { ONGOINGAI_BODY_MAX_SIZE: '1k' }).split('\n')).toEqual([
      `server.port must be a whole number (got "x") (${file}:2)`,
      `  and field hots not found in server; did you mean server.host? (${file}:3)`,
      expect.stringMatching(/^ {2}and storage must hold settings \(got "5"\)/),
      expect.stringMatching(/^ {2}and field unexpected_field not found in auth; known are enabled, header, /),
      '  and invalid ONGOINGAI_BODY_MAX_SIZE: tracing.body_max_size must be a whole number of bytes (got "1k"); write 1024',
      `  and providers.openai.prefix must start with '/' (got "x"); write "/x" (${file}:9)`,
      `  and auth.header must not be empty; leave it out, or write a name (${file}:6)`,
    ])
  })

  test('what is not one YAML document is refused', () => {
    expect(problem('server: [')).toContain('parse yaml')
    expect(problem('server: {}\n---\nserver: {}\n')).toContain('multiple yaml documents are not supported')
    expect(problem('server:\n  port: 1\n  port: 2\n')).toContain(
      'server.port is given twice, first on line 2',
    )
    expect(problem('server:\n\tport: 1')).toContain(`${file}:2`)
  })

  test('aliases that expand too far, and merges of themselves, are reported with their line', () => {
    const doubling = Array.from({ length: 25 }, (_, i) => `  l${i + 1}: &l${i + 1} {<<: [*l${i}, *l${i}]}\n`)
    const laughs = `limits:\n  l0: &l0 {requests_per_minute: 1}\n${doubling.join('')}  per_key: {<<: *l25}\n`
    expect(problem(laughs)).toMatch(
      /aliases stand for too much: more than 5000 were followed up to \*l\d+ \(.*:\d+\)/,
    )
    expect(problem('server: &a\n  port: 1\n  <<: [*a, *a]\n')).toMatch(/aliases stand for too much.*:3\)/)
    expect(problem(`pii:\n  mode: ${'{a: '.repeat(20_000)}`)).toContain(`nested too deeply (${file}:2)`)
  })

  test('sections that repeat themselves in what aliases stand for end', () => {
    const aliases = Array.from({ length: 2000 }, () => '  <<: *x\n').join('')
    const yaml = `limits:\n  per_key: &x\n    a: &b {c: *b, c: {d: *b}}\n    a: {e: *b, e: *x}\n  per_workspace:\n  ${aliases.trimStart()}`
    expect(problem(yaml)).toContain('limits.per_key.a is given twice')
  })

  test('an unknown name hides no mistake but that of the setting that was meant', () => {
    const yaml =
      'auth:\n  enabled: true\n  keys:\n    - token: kGz8Vq2mT4xW9bNc\n      rool: owner\n      networks: [10.0.0.256]\npricing:\n  overrides:\n    - model: x\n      inptu: 1\n'
    expect(problem(yaml).split('\n')).toEqual([
      `field inptu not found in pricing.overrides[0]; did you mean pricing.overrides[0].input? (${file}:10)`,
      `  and field rool not found in auth.keys[0]; did you mean auth.keys[0].role? (${file}:5)`,
      `  and auth.keys[0].networks: "10.0.0.256" is neither an address nor a network in CIDR notation (${file}:6)`,
    ])
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
      `auth.keys[0].token_file cannot be read: there is no file "${folder}/missing"`,
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

  test('a bad value is reported with its variable and its setting', () => {
    expect(problem('', { ONGOINGAI_PORT: 'not-a-number' })).toBe(
      'invalid ONGOINGAI_PORT: server.port must be a whole number (got "not-a-number")',
    )
    expect(problem('', { ONGOINGAI_CAPTURE_BODIES: 'yes' })).toBe(
      'invalid ONGOINGAI_CAPTURE_BODIES: tracing.capture_bodies must be true or false (got "yes"); write true',
    )
    expect(problem('', { OTEL_TRACES_SAMPLER_ARG: 'abc' })).toBe(
      'invalid OTEL_TRACES_SAMPLER_ARG: observability.otel.sampling_ratio must be a number (got "abc")',
    )
    expect(problem('', { OTEL_TRACES_EXPORTER: 'zipkin' })).toBe(
      'invalid OTEL_TRACES_EXPORTER: must be one of otlp, none (got "zipkin")',
    )
    expect(problem('', { OTEL_SDK_DISABLED: 'maybe' })).toBe(
      'invalid OTEL_SDK_DISABLED: must be true or false (got "maybe")',
    )
  })

  test('variables of ours that are no settings, and those of Services around a container, are not taken for misspelt', () => {
    for (const name of [
      'GATEWAY_KEY',
      'ALLOW_OPEN',
      'SERVICE_HOST',
      'PORT_8080_TCP',
      'PORT_8080_TCP_PORT',
      'INSTALL_DIR',
    ])
      expect(load('', { [`ONGOINGAI_${name}`]: 'x' }).server.port).toBe(8080)
  })

  test('an endpoint for one signal turns that signal on', () => {
    const signals = (environment: Environment, yaml = ''): unknown => {
      const { enabled, traces, metrics } = load(yaml, environment).telemetry
      return { enabled, traces, metrics }
    }
    const [traces, metrics] = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT']
    const url = 'http://collector/v1'
    expect(signals({ [traces]: url })).toEqual({ enabled: true, traces: true, metrics: false })
    expect(signals({ [metrics]: url })).toEqual({ enabled: true, traces: false, metrics: true })
    expect(signals({ [traces]: url, [metrics]: url })).toEqual({
      enabled: true,
      traces: true,
      metrics: true,
    })
    expect(signals({ [traces]: url, OTEL_METRICS_EXPORTER: 'otlp' })).toMatchObject({ metrics: true })
    expect(signals({ [traces]: url }, 'observability: {otel: {enabled: true}}')).toMatchObject({
      metrics: true,
    })
    expect(signals({ [traces]: url, OTEL_SDK_DISABLED: 'true' })).toMatchObject({ enabled: false })
  })

  test('both exporters off is telemetry off, whatever the file says, unless Prometheus is on', () => {
    const none = { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }
    const on = 'observability: {otel: {enabled: true}}'
    expect(load(on, none).telemetry.enabled).toBe(false)
    expect(load('', { ...none, OTEL_SERVICE_NAME: 'x' }).telemetry.enabled).toBe(false)
    expect(
      load('observability: {otel: {enabled: true, prometheus_enabled: true}}', none).prometheus.enabled,
    ).toBe(true)
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
  ['auth: {enabled: true, keys: [{token: a, role: custom}]}', 'auth.keys[0].role custom needs permissions'],
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
  ['pricing: {overrides: [{model: x}]}', 'pricing.overrides[0] sets no price'],
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
    expect(message.split('auth.header')).toHaveLength(2)
    expect(message).toContain(`(got "x"); write "/x" (${file}:6)`)
  })

  test('nested prefixes are fine: the longest wins', () => {
    expect(
      load('providers: {openai: {prefix: /ai}, anthropic: {prefix: /ai/anthropic}}').providers,
    ).toHaveLength(12)
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

describe('references to variables', () => {
  test('what others send means no variable of ours', () => {
    const section = SETTINGS.fields['server'] as Section
    const { values, unresolved } = decodeSettings('{"host":"${env:HOME} ${HOME}"}', section, () => '')
    expect([values['host'], unresolved]).toEqual(['${env:HOME} ${HOME}', []])
  })

  test('any text of the file may refer to variables; explain names them and shows no secret', () => {
    writeFileSync(
      file,
      'server:\n  host: ${env:HOST}\nauth:\n  pepper: "${env:PEPPER}"\npii:\n  body:\n    key_denylist: ["${env:NAME}", b]\nproviders:\n  openai:\n    upstream: https://${env:HOST}/v1?api_key=${env:PEPPER}\n',
    )
    const environment = { HOST: '127.0.0.7', PEPPER: 'canary-pepper-0123456789abcdef0123456789', NAME: 'a' }
    const { config, document } = loadConfig(file, environment)
    expect([config.server.host, config.auth.pepper]).toEqual(['127.0.0.7', environment.PEPPER])
    expect(config.pii.redaction.deniedNames).toEqual(['a', 'b'])
    const rows = new Map(explainSettings(document, file).map((row) => [row.path, [row.value, row.origin]]))
    expect(rows.get('server.host')).toEqual(['"127.0.0.7"', `${file}:2, from HOST`])
    expect(rows.get('auth.pepper')).toEqual(['********', `${file}:4, from PEPPER`])
    expect(rows.get('providers.openai.upstream')).toEqual([
      '"https://127.0.0.7/v1?[REDACTED]"',
      `${file}:10, from HOST, PEPPER`,
    ])
    expect(JSON.stringify([...rows])).not.toContain('canary')
  })

  test('what cannot be resolved is said once, with its place, and only to who needs it', () => {
    const yaml = 'providers:\n  openai: {upstream: "${env:NOWHERE}"}\nauth:\n  pepper: ${PEPPER}\n'
    expect(problem(yaml)).toBe(
      `providers.openai.upstream: the variable NOWHERE is not set, or empty; set it where the gateway is started (${file}:2)\n  and auth.pepper: holds the placeholder \${PEPPER}, which is not resolved; write \${env:PEPPER}, or $\${PEPPER} where these characters are meant (${file}:4)`,
    )
    expect(problem('auth: {keys: [{token: os.environ/KEY}]}')).toContain(
      'auth.keys[0].token: holds os.environ/KEY, which is not resolved here; write ${env:KEY}',
    )
    expect(() => readSettings(file, {})).not.toThrow()
    // A variable that overrides the setting makes up for it.
    const upstream = { ONGOINGAI_OPENAI_UPSTREAM: 'http://h' }
    expect(
      load('providers:\n  openai: {upstream: "${env:NOWHERE}"}\n', upstream).providers[0]!.upstream,
    ).toBe('http://h')
    expect(problem('storage: {driver: postgres}', { ONGOINGAI_STORAGE_DSN: '${DSN}' })).toContain(
      'storage.dsn: holds the placeholder ${DSN} instead of a secret (from ONGOINGAI_STORAGE_DSN)',
    )
  })

  test('the path of a secret’s file may refer to variables, its content may not', () => {
    writeFileSync(join(folder, 'pepper'), 'pepper-of-a-file-${env:HOME}-0123456789\n')
    expect(load('auth: {pepper_file: "${env:DIR}/pepper"}', { DIR: folder, HOME: '/x' }).auth.pepper).toBe(
      'pepper-of-a-file-${env:HOME}-0123456789',
    )
    expect(problem('auth: {pepper_file: "${env:DIR}/pepper"}')).toContain(
      'auth.pepper: the variable DIR is not set',
    )
  })
})

test.each([
  'providers: {openai: {upstream: "https://user:canary@ho st/"}}',
  'providers: {openai: {upstream: "https//user:canary@host"}}',
  'providers: {openai: {upstream: "user:canary@host"}}',
  'providers: {openai: {upstream: "://host?api_key=canary"}}',
  'providers: {openai: {upstream: "ftp://host/?X-Amz-Signature=canary"}}',
  'providers: {openai: "https://host/?key=canary"}\nauth: {keys: canary}',
  'observability: {otel: {enabled: true, endpoint: "ftp://user:canary@host:1?token=canary"}}',
  'observability: {otel: {enabled: true, endpoint: "http://user:canary@ho st"}}',
  'observability: {otel: "https://host/?key=canary"}',
  'storage: "postgres://user:canary@host/db"',
  'storage: {driver: "postgres://user:canary@host/db"}',
  'storage: {driver: postgres, dsn: {password: canary}}',
  'limits: {backend: redis, redis_url: "http://:canary@host"}',
  'limits: {webhooks: ["https://host/canary"]}',
  'limits: {webhooks: "https://host/canary"}',
  'limits: {webhooks: [{url: "hooks/canary"}]}',
  'server: {port: "https://host?key=canary"}',
  'server: {trusted_proxies: ["http://user:canary@proxy"]}',
  'auth:\n  pepper canary\n',
  'auth: canary',
  'auth:\n  keys:\n    - canary\n',
  'auth:\n  keys: [*canary]\n  pepper: &canary x\n',
  'auth:\n  pepper: "canary\n',
  'auth:\n  pepper: x: canary\n',
  'auth:\n  pepper: @canary\n',
  'canary = 1',
  'auth: {pepper: |canary\n  x}',
  'auth: {pepper: "x"} "canary"',
  'auth:\n  pepper: "x\\canary"\n',
  'auth:\n  pepper: >canary\n    x\n',
])('what is wrong with %j is said without the secret', (yaml) => {
  expect(problem(yaml)).not.toContain('canary')
})

test('the examples of own prices are valid', () => {
  const { config, warnings } = loadConfig(
    join(import.meta.dir, '../../src/config/own-prices.example.yaml'),
    {},
  )
  expect([config.pricing.overrides.length, warnings]).toEqual([21, []])
})

test('the example of every section is valid', () => {
  const variables = ['DATABASE_PASSWORD', 'PEPPER', 'CI_TOKEN'].map((name) => [
    name,
    'value-of-a-variable-0123456789-abcdef',
  ])
  const { config, warnings } = loadConfig(
    join(import.meta.dir, '../../src/config/sections.example.yaml'),
    Object.fromEntries(variables) as Record<string, string>,
  )
  expect([config.limits.policies.length, warnings]).toEqual([2, []])
})

test('the example file holds every setting at its default, and both generated files are current', () => {
  const example = readFileSync(join(import.meta.dir, '../../ongoingai.example.yaml'), 'utf8')
  expect(example).toBe(exampleYaml())
  expect(load(example)).toEqual(load(''))
  expect(readFileSync(join(import.meta.dir, '../../docs/configuration.md'), 'utf8')).toBe(referenceMarkdown())
})

test('presets stand back: azure without an upstream, and one whose prefix a provider of the operator has', () => {
  const names = (yaml: string): string[] => load(yaml).providers.map(({ name }) => name)
  expect(names('')).not.toContain('azure')
  expect(names('providers: {azure: {upstream: "https://r.openai.azure.com"}}')).toContain('azure')
  const own = names('providers: {fast: {upstream: "http://127.0.0.1:1", prefix: /groq}}')
  expect(own).toContain('fast')
  expect(own).not.toContain('groq')
})

describe('pages and hosts', () => {
  const server = (settings: string): Config['server'] => load(`server: {${settings}}`).server

  test('origins are taken as browsers write them', () => {
    const origins = [
      'https://app.example',
      'http://localhost:5173',
      'app://obsidian.md',
      'chrome-extension://abc',
    ]
    expect(server(`cors_origins: ${JSON.stringify(origins)}`).corsOrigins).toEqual(origins)
    expect(problem('server: {cors_origins: ["*"]}')).toMatch(/one by one.*read the record/)
    expect(problem('server: {cors_origins: ["https://*.example"]}')).toContain('without wildcards')
    expect(problem('server: {cors_origins: ["null"]}')).toContain('cannot hold "null"')
    expect(problem('server: {cors_origins: ["https://App.example:443/"]}')).toContain(
      'write "https://app.example"',
    )
    for (const text of ['app.example', 'https://a.example/x', ' https://a.example'])
      expect([text, problem(`server: {cors_origins: [${JSON.stringify(text)}]}`)]).toEqual([
        text,
        expect.stringContaining('server.cors_origins must hold origins'),
      ])
  })

  test('hosts are names and addresses, whatever their case and brackets', () => {
    expect(
      server('allowed_hosts: [Gateway.Internal., "[2001:db8::1]", "::1", 10.0.0.1, my_gateway]').allowedHosts,
    ).toEqual(['gateway.internal', '2001:db8::1', '::1', '10.0.0.1', 'my_gateway'])
    for (const text of ['*', '*.example', 'http://a', 'a:8080', 'a/b', '', 'a b', 'a,b'])
      expect([text, problem(`server: {allowed_hosts: [${JSON.stringify(text)}]}`)]).toEqual([
        text,
        expect.stringContaining('server.allowed_hosts must hold names or addresses'),
      ])
  })

  test('the public address is a URL, and a password in it is not shown', () => {
    expect(server('public_url: " https://gateway.example/base "').publicUrl).toBe(
      'https://gateway.example/base',
    )
    expect(server('').publicUrl).toBe('')
    for (const text of [
      'gateway.example',
      'ftp://a',
      'https://u:p4ssw0rd@a',
      'https://a?k=1',
      'https://a#b',
    ]) {
      const message = problem(`server: {public_url: "${text}"}`)
      expect([
        text,
        message.includes('server.public_url must be a URL'),
        message.includes('p4ssw0rd'),
      ]).toEqual([text, true, false])
    }
  })
})
