import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../src/config/environment.ts'
import { ConfigError, loadConfig } from '../../src/config/load.ts'
import { withoutCredentials } from '../../src/redaction/without-credentials.ts'
import { runProgram } from '../support/process.ts'

// Mistakes that people make in this configuration, and the exact lines that they get. Each line names the setting, the place, what
// is wrong, and what to write. FILE is the file.

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-mistakes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What is said of a file: the lines of the error, or the warnings of one that is accepted. */
function said(content: string | Uint8Array, environment: Environment): string[] {
  const file = join(folder, 'ongoingai.yaml')
  writeFileSync(file, content)
  const lines = (): readonly string[] => {
    try {
      return loadConfig(file, environment).warnings.map((warning) => `warning: ${warning}`)
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split('\n')
      throw error
    }
  }
  return lines().map((line) => line.replaceAll(file, 'FILE'))
}

const MISTAKES: [what: string, content: string | Uint8Array, environment: Environment, lines: string[]][] = [
  [
    'a misspelt setting',
    'server:\n  hots: 0.0.0.0\n',
    {},
    ['field hots not found in server; did you mean server.host? (FILE:2)'],
  ],
  [
    'a setting in camel case',
    'server:\n  maxBodyBytes: 1000\n',
    {},
    ['field maxBodyBytes not found in server; did you mean server.max_body_bytes? (FILE:2)'],
  ],
  [
    'a setting that is not indented',
    'server:\nport: 9090\n',
    {},
    ['field port not found at the top level; it belongs in server, as "port:" (FILE:2)'],
  ],
  [
    'a section indented into another',
    'storage:\n  driver: sqlite\n  retention:\n    traces:\n      max_age_days: 30\n  auth:\n    enabled: true\n',
    {},
    ['field auth not found in storage; it belongs at the top level (FILE:6)'],
  ],
  [
    'a line that is indented too deeply',
    'server:\n  port: 9090\n    host: 0.0.0.0\n',
    {},
    [
      'parse yaml "FILE": "port": the next line is indented deeper than this one, which has a value already; indent settings of one section alike (FILE:2)',
    ],
  ],
  [
    'a line that is indented too little',
    'server:\n   port: 9090\n  host: 0.0.0.0\n',
    {},
    [
      'parse yaml "FILE": "host": the line is indented by another number of spaces than the lines before it (FILE:3)',
    ],
  ],
  [
    'a tab',
    'server:\n\tport: 9090\n',
    {},
    ['parse yaml "FILE": "port": the line is indented by a tab; YAML takes spaces only (FILE:2)'],
  ],
  [
    'no colon',
    'server:\n  port 9090\n',
    {},
    ['server must hold settings (got "port 9090"); write "port: …", with a colon and a space (FILE:2)'],
  ],
  [
    'no space behind the colon',
    'server:\n  port:9090\n',
    {},
    ['server must hold settings (got "port:9090"); write "port: …", with a colon and a space (FILE:2)'],
  ],
  [
    'properties instead of YAML',
    'server.port = 9090\n',
    {},
    [
      'the file must hold settings (got a text); write "server:", and "  port: 8080" on the next line (FILE:1)',
    ],
  ],
  [
    'a dotted name',
    'server.port: 9090\n',
    {},
    ['field server.port not found at the top level; it belongs in server, as "port:" (FILE:1)'],
  ],
  [
    'true in quotes',
    'auth:\n  enabled: "true"\n',
    {},
    ['auth.enabled must be true or false (got "true" in quotes); write true without quotes (FILE:2)'],
  ],
  [
    '1 for true',
    'auth:\n  enabled: 1\n',
    {},
    ['auth.enabled must be true or false (got "1"); write true (FILE:2)'],
  ],
  [
    'a misspelt true',
    'auth:\n  enabled: ture\n',
    {},
    ['auth.enabled must be true or false (got "ture"); write true (FILE:2)'],
  ],
  [
    'a number in quotes',
    'server:\n  port: "8080"\n',
    {},
    ['server.port must be a whole number (got "8080" in quotes); write 8080 without quotes (FILE:2)'],
  ],
  [
    'a port as containers write it',
    'server:\n  port: 8080/tcp\n',
    {},
    ['server.port must be a whole number (got "8080/tcp"); write 8080 (FILE:2)'],
  ],
  [
    'a size with a unit',
    'server:\n  max_body_bytes: 10MB\n',
    {},
    ['server.max_body_bytes must be a whole number of bytes (got "10MB"); write 10000000 (FILE:2)'],
  ],
  [
    'a duration with a unit',
    'server:\n  shutdown_timeout_ms: 30s\n',
    {},
    ['server.shutdown_timeout_ms must be a whole number of milliseconds (got "30s"); write 30000 (FILE:2)'],
  ],
  [
    'a number with commas',
    'limits:\n  per_key:\n    requests_per_minute: 10,000\n',
    {},
    ['limits.per_key.requests_per_minute must be a whole number (got "10,000"); write 10000 (FILE:3)'],
  ],
  [
    'days with a unit',
    'storage:\n  retention:\n    traces:\n      max_age_days: 30d\n',
    {},
    ['storage.retention.traces.max_age_days must be a whole number of days (got "30d"); write 30 (FILE:4)'],
  ],
  [
    'a sum with a sign',
    'limits:\n  per_key:\n    max_cost_usd_per_day: $20\n',
    {},
    ['limits.per_key.max_cost_usd_per_day must be a number (got "$20"); write 20 (FILE:3)'],
  ],
  [
    '* without quotes',
    'limits:\n  policies:\n    - name: all\n      requests_per_minute: 1\n      match:\n        model: *\n',
    {},
    ['parse yaml "FILE": "model": a text that is * or begins with * must stand in quotes: "*" (FILE:6)'],
  ],
  [
    '* without quotes in a list',
    'server:\n  cors_origins: [*]\n',
    {},
    [
      'parse yaml "FILE": "cors_origins": a text that is * or begins with * must stand in quotes: "*" (FILE:2)',
    ],
  ],
  [
    'a name that begins with *',
    'auth:\n  keys:\n    - models: [*-mini]\n',
    {},
    [
      'auth.keys[0].models must stand in quotes, for it begins with * (an anchor of this name is not there) (FILE:3)',
    ],
  ],
  [
    'a wildcard origin',
    'server:\n  cors_origins: ["*"]\n',
    {},
    [
      'server.cors_origins lists origins one by one, without wildcards (got "*"): else any page that a browser opens could read the record, and use the providers while keys are off (FILE:2)',
    ],
  ],
  [
    'a section given twice',
    'server:\n  port: 9090\nauth:\n  enabled: true\nserver:\n  host: 0.0.0.0\n  prot: 1\n',
    {},
    [
      'server is given twice, first on line 1; put its settings under one (FILE:5)',
      '  and field prot not found in server; did you mean server.port? (FILE:7)',
    ],
  ],
  [
    'a key given twice',
    'server:\n  port: 9090\n  port: 9091\n',
    {},
    ['server.port is given twice, first on line 2; keep one of them (FILE:3)'],
  ],
  [
    'a misspelt variable',
    '',
    { ONGOINGAI_AUTH_ENABLE: 'true' },
    ['the variable ONGOINGAI_AUTH_ENABLE is not known; did you mean ONGOINGAI_AUTH_ENABLED?'],
  ],
  [
    'yes in a variable',
    '',
    { ONGOINGAI_AUTH_ENABLED: 'yes' },
    ['invalid ONGOINGAI_AUTH_ENABLED: auth.enabled must be true or false (got "yes"); write true'],
  ],
  [
    'a variable that Kubernetes sets',
    '',
    { ONGOINGAI_PORT: 'tcp://10.96.0.1:8080' },
    [
      'invalid ONGOINGAI_PORT: server.port must be a whole number (got "tcp://10.96.0.1:8080"); Kubernetes sets it for a Service of this name, so set enableServiceLinks: false for the pod',
    ],
  ],
  [
    'a port out of range in a variable',
    '',
    { ONGOINGAI_PORT: '80800' },
    ['server.port must be between 1 and 65535 (got 80800) (from ONGOINGAI_PORT)'],
  ],
  [
    'an unknown exporter',
    '',
    { OTEL_TRACES_EXPORTER: 'jaeger' },
    ['invalid OTEL_TRACES_EXPORTER: must be one of otlp, none (got "jaeger")'],
  ],
  [
    'a misspelt setting in a file with a byte order mark and CRLF',
    '﻿server:\r\n  prot: 1\r\n',
    {},
    ['field prot not found in server; did you mean server.port? (FILE:2)'],
  ],
  [
    'a file that is no text',
    new Uint8Array([83, 81, 76, 105, 116, 101, 0, 1, 2]),
    {},
    ['read config "FILE": it is no text in UTF-8; name the YAML file, or save it as UTF-8'],
  ],
  [
    'UTF-16 without a byte order mark',
    new Uint8Array([115, 0, 101, 0, 114, 0, 118, 0, 101, 0, 114, 0, 58, 0, 10, 0]),
    {},
    ['read config "FILE": it is no text in UTF-8; name the YAML file, or save it as UTF-8'],
  ],
  [
    'the file of another program',
    'services:\n  web:\n    image: nginx\n',
    {},
    [
      'field services not found at the top level; known are server, storage, providers, models, routing, tracing, pricing, observability, pii, auth, limits (FILE:1)',
    ],
  ],
  [
    'a list instead of settings',
    '- server\n',
    {},
    [
      'the file must hold settings (got a list); write "server:", and "  port: 8080" on the next line (FILE:1)',
    ],
  ],
  [
    '~ in a path',
    'storage:\n  path: ~/data/x.db\n',
    {},
    ['storage.path begins with ~, which is not expanded here; write "${env:HOME}/data/x.db" (FILE:2)'],
  ],
  [
    '~ in the path of a secret',
    'auth:\n  pepper_file: ~/pepper\n',
    {},
    ['auth.pepper_file cannot be read: ~ is not expanded here; write ${env:HOME}/pepper (FILE:2)'],
  ],
  [
    'a secret whose file is not there',
    'auth:\n  pepper_file: /run/secrets/none\n',
    {},
    ['auth.pepper_file cannot be read: there is no file "/run/secrets/none" (FILE:2)'],
  ],
  [
    'a placeholder for a secret',
    'auth:\n  pepper: ${PEPPER}\n',
    {},
    [
      'auth.pepper: holds the placeholder ${PEPPER}, which is not resolved; write ${env:PEPPER}, or $${PEPPER} where these characters are meant (FILE:2)',
    ],
  ],
  [
    'a variable that is not set',
    'auth:\n  pepper: ${env:PEPPER}\n',
    {},
    ['auth.pepper: the variable PEPPER is not set, or empty; set it where the gateway is started (FILE:2)'],
  ],
  [
    'a reference within braces',
    'auth: {pepper: ${env:PEPPER}}\n',
    {},
    [
      'parse yaml "FILE": "auth": within [ ] and { }, a text with ${…} must stand in quotes: "${env:NAME}" (FILE:1)',
    ],
  ],
  [
    'a token that can be guessed',
    'auth:\n  enabled: true\n  keys:\n    - token: changeme\n      role: owner\n',
    {},
    [
      'auth.keys[0].token can be guessed: give it 16 or more random characters, or set auth.allow_weak_tokens: true (FILE:4)',
    ],
  ],
  [
    'an upstream without a scheme',
    'providers:\n  openai:\n    upstream: api.openai.com\n',
    {},
    [
      'providers.openai.upstream must include scheme and host (got "api.openai.com"); write "https://api.openai.com" (FILE:3)',
    ],
  ],
  [
    'a local upstream without a scheme',
    'providers:\n  local:\n    upstream: localhost:8000\n    prefix: /local\n',
    {},
    [
      'providers.local.upstream must include scheme and host (got "localhost:8000"); write "http://localhost:8000" (FILE:3)',
    ],
  ],
  [
    'an upstream that ends in /v1',
    'providers:\n  openai:\n    upstream: https://api.openai.com/v1\n',
    {},
    [
      'warning: providers.openai.upstream ends in /v1: requests below /openai bring their own, so /openai/v1/… goes to /v1/v1/…; write "https://api.openai.com" (FILE:3)',
    ],
  ],
  [
    'a prefix without a slash',
    'providers:\n  openai:\n    prefix: openai\n',
    {},
    ['providers.openai.prefix must start with \'/\' (got "openai"); write "/openai" (FILE:3)'],
  ],
  [
    'a provider without a prefix',
    'providers:\n  local:\n    upstream: http://localhost:8000\n',
    {},
    ['providers.local.prefix is required; write "/local" (FILE:3)'],
  ],
  [
    'two providers on one prefix',
    'providers:\n  a:\n    upstream: http://a\n    prefix: /x\n  b:\n    upstream: http://b\n    prefix: /x/\n',
    {},
    [
      'providers.b.prefix: provider route prefixes overlap: a and b both have "/x"; give one of them another (FILE:7)',
    ],
  ],
  [
    'providers as a list',
    'providers:\n  - name: openai\n    upstream: http://a\n',
    {},
    ['providers must hold settings (got a list); write "openai: …", indented and without "- " (FILE:2)'],
  ],
  [
    'a provider as a text',
    'providers:\n  openai: https://api.openai.com\n',
    {},
    [
      'providers.openai must hold settings (got a text); write "upstream: …" on a line below, indented (FILE:2)',
    ],
  ],
  [
    'an unknown role',
    'auth:\n  enabled: true\n  keys:\n    - id: a\n      token: kGz8Vq2mT4xW9bNc\n      role: superuser\n',
    {},
    [
      'auth.keys[0].role must be one of owner, admin, developer, member, viewer, custom (got "superuser") (FILE:6)',
    ],
  ],
  [
    'keys that are no list',
    'auth:\n  enabled: true\n  keys:\n    id: a\n    token: kGz8Vq2mT4xW9bNc\n',
    {},
    ['auth.keys must be a list (got settings); begin each item with "- " (FILE:4)'],
  ],
  [
    'an unknown permission',
    'auth:\n  enabled: true\n  keys:\n    - id: a\n      token: kGz8Vq2mT4xW9bNc\n      role: viewer\n      permissions: [write]\n',
    {},
    [
      'auth.keys[0].permissions: unknown permission "write"; known are proxy:write, analytics:read, keys:manage, audit:read (FILE:7)',
    ],
  ],
  [
    'a misspelt detector',
    'pii:\n  detectors:\n    emial: true\n',
    {},
    ['field emial not found in pii.detectors; did you mean pii.detectors.email? (FILE:3)'],
  ],
  [
    'an unknown detector',
    'pii:\n  detectors:\n    address: true\n',
    {},
    [
      'field address not found in pii.detectors; known are email, phone, ssn, token_like, credit_card, iban, ip_address, custom (FILE:3)',
    ],
  ],
  [
    'an unknown mode',
    'pii:\n  mode: redact\n',
    {},
    [
      'pii.mode must be one of off, redact_storage, redact_upstream, block, redact_response, block_response (got "redact") (FILE:2)',
    ],
  ],
  [
    'a negative limit',
    'limits:\n  per_key:\n    requests_per_minute: -1\n',
    {},
    [
      'warning: limits.per_key.requests_per_minute limits nothing (got -1); write a number above 0, or 0 for no limit (FILE:3)',
    ],
  ],
  [
    'a negative time-out',
    'providers:\n  openai:\n    timeouts:\n      idle_ms: -1\n',
    {},
    ['providers.openai.timeouts.idle_ms must be >= 0 (got -1) (FILE:4)'],
  ],
  [
    'a port with a fraction',
    'server:\n  port: 8080.5\n',
    {},
    ['warning: server.port: 8080.5 is read as 8080; write 8080 if that is meant (FILE:2)'],
  ],
  [
    'a number that begins with 0',
    'server:\n  port: 010000\n',
    {},
    ['warning: server.port: 010000 is read as 4096; write 4096 if that is meant (FILE:2)'],
  ],
  [
    'a number that is too large',
    'server:\n  max_body_bytes: 99999999999999999999\n',
    {},
    [
      'server.max_body_bytes must be a whole number of bytes up to 9007199254740991 (got "99999999999999999999") (FILE:2)',
    ],
  ],
  [
    'a duration that no timer takes',
    'server:\n  shutdown_timeout_ms: 9999999999\n',
    {},
    ['server.shutdown_timeout_ms must be at most 2147483647 ms, which is 24 days (got 9999999999) (FILE:2)'],
  ],
  [
    'a date of another country',
    'auth:\n  enabled: true\n  keys:\n    - id: a\n      token: kGz8Vq2mT4xW9bNc\n      role: viewer\n      expires_at: 31.12.2026\n',
    {},
    [
      'auth.keys[0].expires_at must be YYYY-MM-DD or RFC 3339 (got "31.12.2026"); write such as 2026-12-31 (FILE:7)',
    ],
  ],
  [
    'a day that does not exist',
    'pricing:\n  overrides:\n    - model: x\n      free: true\n      from: 2026-02-30\n',
    {},
    ['pricing.overrides[0].from must be YYYY-MM-DD, a day that there is (got "2026-02-30") (FILE:5)'],
  ],
  [
    'a misspelt time zone',
    'limits:\n  policies:\n    - name: a\n      budget:\n        cost_usd: 5\n        time_zone: Europe/Berln\n',
    {},
    [
      'limits.policies[0].budget.time_zone is no IANA time zone (got "Europe/Berln"); did you mean Europe/Berlin? (FILE:6)',
    ],
  ],
  [
    'an unknown period',
    'limits:\n  policies:\n    - name: a\n      budget:\n        cost_usd: 5\n        period: monthly\n',
    {},
    [
      'limits.policies[0].budget.period must be one of day, week, month, rolling, total (got "monthly") (FILE:6)',
    ],
  ],
  [
    'a price without rates',
    'pricing:\n  overrides:\n    - model: my-model\n',
    {},
    [
      'pricing.overrides[0] sets no price; write rates in USD per million tokens such as input and output, a discount, or free: true (FILE:3)',
    ],
  ],
  [
    'a price with many mistakes',
    `pricing:
  assumed: {input: .inf}
  overrides:
    - model: x
      input: 1
      discount: 15
      from: 2026-02-01
      to: 2026-01-01
      units: {pages: 2e6}
      brackets:
        - {above: 1000, input: 2}
        - {above: 200000, output: 2}
        - {above: 200000, input: 3}
        - {above: 300000}
      tiers:
        - {name: bach, factor: 0.5}
        - {name: flex, factor: 0.5, input: 1}
        - {name: flex, factor: 0.1234}
        - {name: fast}
`,
    {},
    [
      'pricing.assumed.input must be 1000000 USD at most (got Infinity) (FILE:2)',
      '  and pricing.overrides[0].to must not be before from (got 2026-01-01, and from is 2026-02-01) (FILE:8)',
      '  and pricing.overrides[0].discount must be at least -10 and less than 1 (got 15); write 0.15 for 15 % off, -0.1 for 10 % more (FILE:6)',
      '  and pricing.overrides[0].units.pages must be 1000000 USD at most (got 2000000) (FILE:9)',
      '  and pricing.overrides[0].brackets[0].above must be >= 32000 (got 1000) (FILE:11)',
      '  and pricing.overrides[0].brackets[1].output needs output beside brackets too: the rate below the bracket (FILE:12)',
      '  and pricing.overrides[0].brackets[2].above is 200000 a second time; join the two brackets (FILE:13)',
      '  and pricing.overrides[0].brackets[3] sets no rate; write such as input and output (FILE:14)',
      '  and pricing.overrides[0].tiers[0].name must be one of batch, flex, priority, fast (got "bach"); did you mean batch? (FILE:16)',
      '  and pricing.overrides[0].tiers[1] sets factor and input; write the factor, or rates (FILE:17)',
      '  and pricing.overrides[0].tiers[2].name is flex a second time; join the two tiers (FILE:18)',
      '  and pricing.overrides[0].tiers[2].factor must have at most three decimals, and be 1000 at most (got 0.1234) (FILE:18)',
      '  and pricing.overrides[0].tiers[3] sets no price; write a factor such as 0.5, or rates in USD per million tokens (FILE:19)',
    ],
  ],
  [
    'prices beside free: true',
    'pricing:\n  overrides:\n    - model: x\n      free: true\n      input: 1\n',
    {},
    ['warning: pricing.overrides[0] is free: true, so the prices beside it do not count (FILE:3)'],
  ],
  [
    'a price of a misspelt provider',
    'pricing:\n  overrides:\n    - provider: opanai\n      model: x\n      free: true\n',
    {},
    [
      'pricing.overrides[0].provider is not a configured provider (got "opanai"); did you mean openai? (FILE:3)',
    ],
  ],
  [
    'a host with a port',
    'server:\n  host: 0.0.0.0:8080\n',
    {},
    [
      'server.host must be a name or an address, without scheme, port and path (got "0.0.0.0:8080"); write "0.0.0.0" (FILE:2)',
    ],
  ],
  [
    'a host that is a URL',
    'server:\n  host: http://localhost\n',
    {},
    [
      'server.host must be a name or an address, without scheme, port and path (got "http://localhost"); write "localhost" (FILE:2)',
    ],
  ],
  [
    'an empty header name',
    'auth:\n  header: ""\n',
    {},
    ['auth.header must not be empty; leave it out, or write a name (FILE:2)'],
  ],
  [
    'a header that the providers use',
    'auth:\n  header: Authorization\n',
    {},
    [
      'auth.header="Authorization" conflicts with Authorization/X-API-Key; leave it out, or write another name (FILE:2)',
    ],
  ],
  [
    'PostgreSQL without a connection string',
    'storage:\n  driver: postgres\n',
    {},
    [
      'storage.dsn is required when storage.driver=postgres; write such as postgres://db.example:5432/ongoingai (FILE:2)',
    ],
  ],
  [
    'a misspelt dsn is not also a missing one',
    'storage:\n  driver: postgres\n  dns: postgres://localhost/x\n',
    {},
    ['field dns not found in storage; did you mean storage.dsn? (FILE:3)'],
  ],
  [
    'an unknown driver',
    'storage:\n  driver: postgresql\n',
    {},
    ['storage.driver must be one of sqlite, postgres (got "postgresql") (FILE:2)'],
  ],
  [
    'a Redis address without a scheme',
    'limits:\n  backend: redis\n  redis_url: localhost:6379\n',
    {},
    [
      'limits.redis_url must be a redis:// or rediss:// URL when limits.backend=redis; write redis://host:6379 (FILE:3)',
    ],
  ],
  [
    'a network that is none',
    'server:\n  trusted_proxies: [10.0.0.0/33]\n',
    {},
    [
      'server.trusted_proxies must hold addresses and networks (got "10.0.0.0/33"); write such as 10.0.0.0/8 (FILE:2)',
    ],
  ],
  [
    'one value instead of a list',
    'server:\n  trusted_proxies: 10.0.0.1\n',
    {},
    ['server.trusted_proxies must be a list of texts (got "10.0.0.1"); write ["10.0.0.1"] (FILE:2)'],
  ],
  [
    'a protocol that is not supported',
    'observability:\n  otel:\n    enabled: true\n    protocol: grpc\n',
    {},
    ['observability.otel.protocol must be http/protobuf or http/json (got "grpc") (FILE:4)'],
  ],
  [
    'an unknown log level',
    'observability:\n  log_level: debug\n',
    {},
    ['observability.log_level must be one of info, warn, error (got "debug") (FILE:2)'],
  ],
  [
    'a percentage',
    'observability:\n  otel:\n    enabled: true\n    sampling_ratio: 50%\n',
    {},
    ['observability.otel.sampling_ratio must be a number (got "50%"); write 0.5 (FILE:4)'],
  ],
  [
    'a ratio above 1',
    'observability:\n  otel:\n    enabled: true\n    sampling_ratio: 50\n',
    {},
    ['observability.otel.sampling_ratio must be between 0 and 1 (got 50.000000) (FILE:4)'],
  ],
  [
    'a quote that is not closed',
    'auth:\n  pepper: "abc\n',
    {},
    ['parse yaml "FILE": "pepper": a quote is not closed (FILE:2)'],
  ],
  [
    'a colon in a text',
    'auth:\n  keys:\n    - description: note: for team\n',
    {},
    ['parse yaml "FILE": "description": a text that holds ": " must stand in quotes (FILE:3)'],
  ],
  [
    'a comma too many',
    '{"server": {"port": 1,, "host": "x"}}',
    {},
    ['parse yaml "FILE": there is a comma too many (FILE:1)'],
  ],
  [
    'a brace that is not closed',
    '{"server": {"port": 1}',
    {},
    ['parse yaml "FILE": a [ or { is not closed (FILE:1)'],
  ],
  [
    'two documents',
    'server:\n  port: 1\n---\nauth:\n  enabled: true\n',
    {},
    [
      'parse yaml "FILE": multiple yaml documents are not supported; remove the line --- and what stands below it (FILE:3)',
    ],
  ],
  [
    'everything at once',
    'server:\n  port: eighty\n  hots: x\nauth:\n  enabled: "yes please"\n  header: " "\nproviders:\n  openai:\n    prefix: openai\n',
    { ONGOINGAI_CAPTURE_BODIES: 'maybe' },
    [
      'server.port must be a whole number (got "eighty") (FILE:2)',
      '  and field hots not found in server; did you mean server.host? (FILE:3)',
      '  and auth.enabled must be true or false (got "yes please" in quotes) (FILE:5)',
      '  and invalid ONGOINGAI_CAPTURE_BODIES: tracing.capture_bodies must be true or false (got "maybe")',
      '  and providers.openai.prefix must start with \'/\' (got "openai"); write "/openai" (FILE:9)',
      '  and auth.header must not be empty; leave it out, or write a name (FILE:6)',
    ],
  ],
  [
    'a text that begins with @',
    'auth:\n  pepper: @secret\n',
    {},
    [
      'parse yaml "FILE": "pepper": a text that begins with @, `, % or another sign of YAML must stand in quotes (FILE:2)',
    ],
  ],
  [
    'a list on the line of its setting',
    'server:\n  cors_origins: - https://a.example\n',
    {},
    [
      'parse yaml "FILE": "cors_origins": a list item begins on a line of its own, below its setting: "- id: team-a" (FILE:2)',
    ],
  ],
  [
    'limits, keys and scopes for a misspelt provider',
    'limits:\n  policies:\n    - name: a\n      requests_per_minute: 5\n      match:\n        provider: antropic\npii:\n  scopes:\n    - match:\n        provider: local\n      mode: block\n',
    {},
    [
      'warning: limits.policies[0].match.provider is not a configured provider, and matches nothing (got "antropic"); did you mean anthropic? (FILE:6)',
      'warning: pii.scopes[0].match.provider is not a configured provider, and matches nothing (got "local") (FILE:10)',
    ],
  ],
  [
    'models that cannot be routed',
    [
      'models:',
      '  - { name: fast, targets: [{ provider: opnai, model: a }, { provider: groq, model: b }, { provider: groq, model: b }] }',
      '  - { name: fast, targets: [], affinity: sticky }',
      '  - { name: safe, targets: [{ provider: openai, model: a, weight: 0, tier: 0 }], require: { region: [eu] } }',
      '',
    ].join('\n'),
    {},
    [
      'models[0].targets[0].provider is no enabled provider (got "opnai"); did you mean openai? (FILE:2)',
      '  and models[0].targets[2] is the same as models[0].targets[1] (groq/b); give one of them more weight (FILE:2)',
      '  and models[1].name: "fast" is already the name of models[0] (FILE:3)',
      '  and models[1].targets must hold a target; write such as { provider: openai, model: … } (FILE:3)',
      '  and models[1].affinity must be one of session, end_user, none (got "sticky") (FILE:3)',
      '  and models[2].targets[0].weight must be above 0 (got 0); to use no share of it, remove it (FILE:4)',
      '  and models[2].targets[0].tier must be >= 1 (got 0) (FILE:4)',
      '  and models[2].require is met by no target: openai has region "", zero_retention false (FILE:4)',
    ],
  ],
  [
    'a model whose failures would take a caller’s own credential to another provider',
    'models:\n  - { name: fast, targets: [{ provider: openai, model: a }, { provider: groq, model: b }] }\n',
    {},
    [
      "models[0].targets: the caller's own credential would be sent to openai and to groq; let the gateway hold the credentials of all but one (providers.<name>.credentials, use: gateway) (FILE:2)",
    ],
  ],
  [
    'routing out of its bounds',
    [
      'routing: { attempts: 0, retry_budget: 2, breaker: { failures: 0 }, default_provider: { openai: azure-eu } }',
      'providers: { openai: { retry_on: [{ status: 200, as: bad }] } }',
      '',
    ].join('\n'),
    {},
    [
      'providers.openai.retry_on[0].status must be between 400 and 599 (got 200) (FILE:2)',
      '  and providers.openai.retry_on[0].as must be one of status_5xx, overloaded, rate, quota, auth (got "bad") (FILE:2)',
      '  and routing.attempts must be >= 1 (got 0) (FILE:1)',
      '  and routing.breaker.failures must be >= 1 (got 0) (FILE:1)',
      '  and routing.retry_budget must be between 0 and 1 (got 2) (FILE:1)',
      '  and routing.default_provider.openai is no enabled provider (got "azure-eu") (FILE:1)',
    ],
  ],
  [
    'a prefix that hides a model route, a name that hides a model, and a target that a requirement leaves out',
    [
      'providers:',
      '  own: { upstream: "http://127.0.0.1:1", prefix: /v1/chat, region: eu }',
      'models:',
      '  - { name: own/x, targets: [{ provider: own }, { provider: openai }], require: { region: [eu] } }',
      '',
    ].join('\n'),
    {},
    [
      'warning: models[0].name reads like a model of a provider (got "own/x"); it hides that model (FILE:4)',
      'warning: models[0].targets[1] is never used: openai does not meet models[0].require (FILE:4)',
      'warning: providers.own.prefix "/v1/chat" hides the model route /v1/chat/completions: such requests go to own (FILE:2)',
    ],
  ],
]

test.each(MISTAKES)('%s', (_, content, environment, lines) => {
  expect(said(content, environment)).toEqual(lines)
  // What hides credentials on standard error hides nothing of them.
  expect(withoutCredentials(lines.join('\n'))).toBe(lines.join('\n'))
})

test('UTF-16 with a byte order mark is read, as some shells write it', () => {
  const text = '\ufeffserver:\n  hots: x\n'
  const little = Buffer.from(text, 'utf16le')
  const big = Buffer.from(little).swap16()
  for (const bytes of [little, big])
    expect(said(bytes, {})).toEqual(['field hots not found in server; did you mean server.host? (FILE:2)'])
})

test.each([
  ['nowhere.yaml', `there is no "${folder}/nowhere.yaml"`],
  ['~/ongoingai.yaml', '~ is not expanded here; write "$HOME" for it'],
  [folder, 'is a directory; --config takes the file in it'],
])('--config %s says what to give it', async (path, hint) => {
  const { status, out, err } = await runProgram(['config', 'validate', '--config', path], { cwd: folder })
  expect([status, out]).toEqual([1, ''])
  expect(err).toStartWith(`config is invalid: read config "${path}": `)
  expect(err).toEndWith(`${hint}\n`)
})

test('`config validate` warns of what works and is hardly meant, and of a file that is not read', async () => {
  const elsewhere = mkdtempSync(join(folder, 'yml-'))
  writeFileSync(join(elsewhere, 'ongoingai.yml'), 'server: {port: 9090}\n')
  writeFileSync(join(elsewhere, 'v1.yaml'), 'providers: {openai: {upstream: "https://api.openai.com/v1/"}}\n')
  const unread = await runProgram(['config', 'validate'], { cwd: elsewhere })
  expect(unread).toEqual({
    status: 0,
    out: 'config is valid: ongoingai.yaml\n',
    err: 'warning: ongoingai.yml is not read: rename it to ongoingai.yaml, or start with --config ongoingai.yml\n',
  })
  const { status, err } = await runProgram(['config', 'validate', '--config', 'v1.yaml'], { cwd: elsewhere })
  expect([status, err]).toEqual([
    0,
    'warning: providers.openai.upstream ends in /v1: requests below /openai bring their own, so /openai/v1/… goes to /v1/v1/…; write "https://api.openai.com" (v1.yaml:1)\n',
  ])
})
