import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { explainSettings } from '../../src/config/explain.ts'
import { ConfigError, loadConfig } from '../../src/config/load.ts'

// Settings of the credentials that the gateway holds, and of where gateway keys may stand.

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-credential-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const FILE = join(folder, 'ongoingai.yaml')

function load(text: string): ReturnType<typeof loadConfig> {
  writeFileSync(FILE, text)
  return loadConfig(FILE, {})
}

function said(text: string): string[] {
  try {
    return load(text).warnings.map((warning) => `warning: ${warning}`.replaceAll(FILE, 'FILE'))
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message.split('\n').map((line) => line.replace(FILE, 'FILE'))
    throw error
  }
}

function heldBy(items: string, use = 'gateway'): string {
  return `providers:\n  openai:\n    credentials:\n      use: ${use}\n      held: ${items}\n`
}

const AT = 'providers.openai.credentials'

test('every kind of source is read, with its defaults', () => {
  const items = `
        - { name: main, env: OPENAI_API_KEY }
        - { name: spare, file: /run/secrets/openai, weight: 3 }
        - { name: vault, command: [vault, read, -field=key, secret/openai], refresh_s: 900 }
        - { name: federated, token_exchange: { url: 'https://sts.example/token', subject_token_file: /var/run/token, audience: x, refresh_s: 600 } }`
  const { config, document } = load(heldBy(items))
  const source = {
    kind: 'token_exchange',
    url: 'https://sts.example/token',
    subjectTokenFile: '/var/run/token',
    subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
    audience: 'x',
  }
  expect(config.providers.find(({ name }) => name === 'openai')!.credentials).toEqual({
    use: 'gateway',
    held: [
      {
        name: 'main',
        weight: 1,
        refreshMs: 300_000,
        source: { kind: 'environment', variable: 'OPENAI_API_KEY' },
      },
      {
        name: 'spare',
        weight: 3,
        refreshMs: 300_000,
        source: { kind: 'file', path: '/run/secrets/openai' },
      },
      {
        name: 'vault',
        weight: 1,
        refreshMs: 900_000,
        source: { kind: 'command', command: ['vault', 'read', '-field=key', 'secret/openai'] },
      },
      {
        name: 'federated',
        weight: 1,
        refreshMs: 600_000,
        source: source as { kind: 'token_exchange' } & typeof source,
      },
    ],
  })
  expect(document.secretFiles).toEqual(['/run/secrets/openai', '/var/run/token'])
  const explained = explainSettings(document, FILE).find(({ path }) => path === `${AT}.held[2].command`)
  // Arguments may hold secrets.
  expect(explained?.value).toBe('["vault", ********, ********, ********]')
})

test('by default callers bring their own, and keys stand in their own field', () => {
  const { config } = load('')
  expect(config.providers.every(({ credentials }) => credentials === undefined)).toBe(true)
  expect(config.auth.acceptIn).toEqual({ header: true, providerField: false })
  expect(load('auth: {accept_in: [provider_field]}').config.auth.acceptIn).toEqual({
    header: false,
    providerField: true,
  })
})

test.each([
  [
    'an unknown use',
    heldBy('[]', 'always'),
    `${AT}.use must be one of client, gateway, client_or_gateway (got "always") (FILE:4)`,
  ],
  [
    'nothing held',
    heldBy('[]'),
    `${AT}.use: gateway needs a credential; write such as held: [{ name: main, env: API_KEY }] (FILE:4)`,
  ],
  [
    'no name',
    heldBy('[{env: A}]'),
    `${AT}.held[0].name is required; it stands in traces, so write such as main (FILE:5)`,
  ],
  [
    'a name that is none',
    heldBy('[{name: "a b", env: A}]'),
    `${AT}.held[0].name is 1 to 64 of letters, digits, ".", "-" and "_", and no credential (got "a b") (FILE:5)`,
  ],
  [
    'a name twice',
    heldBy('[{name: a, env: A}, {name: a, env: B}]'),
    `${AT}.held[1].name: "a" is given twice; give each its own (FILE:5)`,
  ],
  [
    'no source',
    heldBy('[{name: a}]'),
    `${AT}.held[0] must have exactly one of env, file, command, token_exchange (got none) (FILE:5)`,
  ],
  [
    'two sources',
    heldBy('[{name: a, env: A, file: b}]'),
    `${AT}.held[0] must have exactly one of env, file, command, token_exchange (got env and file) (FILE:5)`,
  ],
  [
    'a value for a variable',
    heldBy('[{name: a, env: sk-proj-0123456789abcdefABCDEF}]'),
    `${AT}.held[0].env must be the name of a variable, not its value; write such as OPENAI_API_KEY (FILE:5)`,
  ],
  [
    'a value for a file',
    heldBy('[{name: a, file: sk-proj-0123456789abcdefABCDEF}]'),
    `${AT}.held[0].file must be the path of a file, and seems to be the credential itself (FILE:5)`,
  ],
  [
    'a home folder',
    heldBy('[{name: a, file: ~/key}]'),
    `${AT}.held[0].file begins with ~, which is not expanded here; write "\${env:HOME}/key" (FILE:5)`,
  ],
  [
    'a command line',
    heldBy('[{name: a, command: ["vault read x"]}]'),
    `${AT}.held[0].command is a list of the program and its arguments, without a shell; write such as [vault, read, -field=key, secret/openai] (FILE:5)`,
  ],
  [
    'a weight of none',
    heldBy('[{name: a, env: A, weight: 0}]'),
    `${AT}.held[0].weight must be between 1 and 1000 (got 0) (FILE:5)`,
  ],
  [
    'never read again',
    heldBy('[{name: a, env: A, refresh_s: 0}]'),
    `${AT}.held[0].refresh_s must be between 1 and 2000000 (got 0) (FILE:5)`,
  ],
  [
    'an exchange without a token',
    heldBy('[{name: a, token_exchange: {url: "https://x"}}]'),
    `${AT}.held[0].token_exchange.subject_token_file is required (FILE:5)`,
  ],
  [
    'an exchange at no URL',
    heldBy('[{name: a, token_exchange: {url: sts, subject_token_file: t}}]'),
    `${AT}.held[0].token_exchange.url must be an http or https URL; write such as "https://sts.example/token" (FILE:5)`,
  ],
  [
    'an unknown setting',
    heldBy('[{name: a, variable: A}]'),
    'known are name, env, file, command, token_exchange',
  ],
  [
    'a place that is none',
    'auth: {accept_in: [query]}',
    'auth.accept_in holds header, provider_field or both (got "query") (FILE:1)',
  ],
  [
    'no place',
    'auth: {accept_in: []}',
    'auth.accept_in must name a place; write [header] or [header, provider_field] (FILE:1)',
  ],
  [
    'held and not used',
    heldBy('[{name: a, env: A}]', 'client'),
    `warning: ${AT}.held is not used while ${AT}.use is client; write use: gateway or client_or_gateway (FILE:4)`,
  ],
  [
    'tokens in clear',
    heldBy('[{name: a, token_exchange: {url: "http://sts.example/", subject_token_file: t}}]'),
    `warning: ${AT}.held[0].token_exchange.url is http: others on the network can read the tokens; use https (FILE:5)`,
  ],
])('%s is told', (_, text, line) => {
  const lines = said(text)
  expect(lines.join('\n')).toContain(line)
  expect(lines.join('\n')).not.toContain('0123456789')
})

test('a credential that the settings also put into requests is given once', () => {
  const text = `${heldBy('[{name: a, env: A}]')}    headers: {set: {Authorization: Bearer x}}\n`
  expect(said(text).join()).toContain('providers.openai.headers.set holds authorization')
})

test('while keys are off, credentials are held only for this machine', () => {
  const text = heldBy('[{name: a, env: A}]')
  for (const host of ['0.0.0.0', '10.0.0.1', '::', 'gateway.internal'])
    expect([host, said(`server: {host: "${host}"}\n${text}`).join()]).toEqual([
      host,
      expect.stringContaining(
        `${AT}.use: gateway while keys are off: anyone who reaches ${host} could spend`,
      ),
    ])
  for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]'])
    expect(said(`server: {host: "${host}"}\n${text}`)).toEqual([])
  const keys = 'auth: {enabled: true, keys: [{id: a, token: a-token-of-some-length, role: owner}]}'
  expect(said(`server: {host: 0.0.0.0}\n${keys}\n${text}`)).toEqual([])
})

function heldByBedrock(item: string, upstream = 'https://bedrock-runtime.eu-west-1.amazonaws.com'): string {
  return `providers:\n  bedrock: { upstream: '${upstream}', prefix: /bedrock, api: bedrock, credentials: { use: gateway, held: [${item}] } }\n`
}

test.each([
  ['https://bedrock-runtime.eu-west-1.amazonaws.com', '', { region: 'eu-west-1', service: 'bedrock' }],
  [
    'https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com',
    '',
    { region: 'us-gov-west-1', service: 'bedrock' },
  ],
  [
    'https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com',
    '',
    { region: 'us-east-1', service: 'bedrock' },
  ],
  ['https://bedrock-mantle.us-east-1.api.aws', '', { region: 'us-east-1', service: 'bedrock-mantle' }],
  ['https://proxy.example', ', region: us-west-2, service: other', { region: 'us-west-2', service: 'other' }],
])('region and service of a signature: %s %s', (upstream, more, scope) => {
  const { config } = load(heldByBedrock(`{ name: main, type: aws, env: AWS_ACCESS_KEY_ID${more} }`, upstream))
  const { credentials } = config.providers.find(({ name }) => name === 'bedrock')!
  expect(credentials!.held[0]!.form).toEqual({ kind: 'aws', ...scope })
})

test.each([
  [
    '{ name: main, type: gcp, file: /k }',
    'type must be one of aws, google_service_account, or left out (got "gcp")',
  ],
  [
    '{ name: main, type: aws, env: AWS_KEY }',
    "env names the variable of the key's id, which ends in ACCESS_KEY_ID; write such as AWS_ACCESS_KEY_ID",
  ],
  ['{ name: main, file: /k, region: x }', 'region belongs to type: aws'],
  ['{ name: main, type: google_service_account, file: /k, service: x }', 'service belongs to type: aws'],
  [
    '{ name: main, type: aws, file: /k, region: "US east" }',
    'region must be of lower-case letters, digits and "-"',
  ],
  [
    '{ name: main, type: aws, token_exchange: { url: "https://sts.example", subject_token_file: /t } }',
    'type does not go with token_exchange, which returns the credential itself',
  ],
])('a wrong type is explained: %s', (item, message) => {
  expect(said(heldByBedrock(item)).join('\n')).toContain(`providers.bedrock.credentials.held[0].${message}`)
})

test('a region that the host does not say is required', () => {
  expect(
    said(heldByBedrock('{ name: main, type: aws, file: /k }', 'https://proxy.example')).join('\n'),
  ).toContain('held[0].region is required: the host of upstream names none; write such as us-east-1')
})
