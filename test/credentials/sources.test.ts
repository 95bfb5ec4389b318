import { afterAll, afterEach, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CredentialReading } from '../../src/credentials/credential-reading.ts'
import type { CredentialForm, CredentialSourceSettings } from '../../src/credentials/settings.ts'
import { readSource } from '../../src/credentials/sources/read-source.ts'
import { respond, respondJson, Upstream, type Play } from '../support/upstream.ts'

// Where credentials come from: real variables, files, commands and a token endpoint. No problem tells a value.

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-sources-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const CANARY = 'canary-value'
const NOW = 1_000_000

function read(source: CredentialSourceSettings, form?: CredentialForm): Promise<CredentialReading> {
  return readSource(source, NOW, new AbortController().signal, form)
}

/** What was read, in one line. */
async function told(source: CredentialSourceSettings, form?: CredentialForm): Promise<string> {
  const reading = await read(source, form)
  if (reading.kind === 'value') return `value ${reading.value.reveal()} ${reading.expiresAtMs ?? 'for ever'}`
  expect(reading.problem).not.toContain(CANARY)
  return `${reading.kind}: ${reading.problem.replaceAll(folder, 'FOLDER')}`
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('a variable', async () => {
  process.env['TEST_HELD_CREDENTIAL'] = ` ${CANARY}\n`
  expect(await told({ kind: 'environment', variable: 'TEST_HELD_CREDENTIAL' })).toBe(
    `value ${CANARY} for ever`,
  )
  delete process.env['TEST_HELD_CREDENTIAL']
  expect(await told({ kind: 'environment', variable: 'TEST_HELD_CREDENTIAL' })).toBe(
    'gone: the variable TEST_HELD_CREDENTIAL is not set',
  )
})

test('a file', async () => {
  mkdirSync(join(folder, 'folder'))
  const of = (path: string): Promise<string> => told({ kind: 'file', path })
  expect(await of(file('key', `${CANARY}\r\n`))).toBe(`value ${CANARY} for ever`)
  expect(await of(join(folder, 'none'))).toBe('gone: there is no file FOLDER/none')
  expect(await of(join(folder, 'key/below'))).toBe('gone: there is no file FOLDER/key/below')
  expect(await of(join(folder, 'folder'))).toBe('gone: FOLDER/folder is a folder')
  expect(await of(file('empty', ' \n'))).toBe('gone: the file FOLDER/empty is empty')
  const odd =
    'gone: the file FOLDER/odd holds a space, a line break or a character that no header field can carry'
  for (const text of [`${CANARY}\n${CANARY}`, `a ${CANARY}`, `ä${CANARY}`, `${CANARY}\0x`])
    expect(await of(file('odd', text))).toBe(odd)
  expect(await of(file('long', CANARY.repeat(2000)))).toBe(
    'gone: the file FOLDER/long holds more than 16384 characters',
  )
})

test('a command', async () => {
  const of = (...command: string[]): Promise<string> => told({ kind: 'command', command })
  expect(await of('printf', '%s\\n', CANARY)).toBe(`value ${CANARY} for ever`)
  expect(await of('sh', '-c', `echo ${CANARY} >&2; echo ${CANARY}; exit 3`)).toBe(
    'failed: the command sh ended with code 3; run it by hand to see why',
  )
  expect(await of('no-such-program-of-ours')).toBe(
    'failed: the command no-such-program-of-ours cannot be started; is it on the PATH of the gateway?',
  )
  expect(await of('true')).toBe('gone: the output of the command true is empty')
  // It gets no input, and no shell reads its arguments.
  expect(await of('cat')).toBe('gone: the output of the command cat is empty')
  expect(await of('printf', '%s', '$HOME;id')).toBe('value $HOME;id for ever')
  const script = file('script', `#!/bin/sh\nsleep 30 &\necho ${CANARY}\n`)
  chmodSync(script, 0o700)
  expect(await of(script)).toContain(`value ${CANARY}`)
  expect(await of('sh', '-c', 'yes | head -c 100000')).toMatch(/^(failed|gone): /)
})

test('a command is ended when the gateway stops', async () => {
  const over = new AbortController()
  const reading = readSource({ kind: 'command', command: ['sleep', '100'] }, NOW, over.signal)
  over.abort()
  expect((await reading).kind).toBe('failed')
})

async function endpoint(play: Play): Promise<CredentialSourceSettings & { readonly kind: 'token_exchange' }> {
  const server = await Upstream.start(play)
  stops.push(() => server.stop())
  return {
    kind: 'token_exchange',
    url: `${server.url}/token?tenant=${CANARY}`,
    subjectTokenFile: file('subject', `${CANARY}\n`),
    subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
    audience: '',
  }
}

test('a token exchange', async () => {
  const of = async (play: Play): Promise<string> =>
    (await told(await endpoint(play))).replace(/127\.0\.0\.1:\d+/, 'HOST')
  expect(await of(respondJson({ access_token: 'issued', expires_in: 600 }))).toBe(
    `value issued ${NOW + 600_000}`,
  )
  expect(await of(respondJson({ access_token: 'issued', expires_in: '90' }))).toBe(
    `value issued ${NOW + 90_000}`,
  )
  expect(await of(respondJson({ access_token: 'issued' }))).toBe('value issued for ever')
  expect(await of(respondJson({ token: CANARY }))).toBe(
    'failed: the token endpoint HOST answered without access_token',
  )
  expect(await of(respond(400, {}, `{"error":"invalid_grant","error_description":"${CANARY}"}`))).toBe(
    'failed: the token endpoint HOST answered 400 (invalid_grant)',
  )
  expect(await of(respond(500, {}, `<p>${CANARY}`))).toBe('failed: the token endpoint HOST answered 500')
  expect(await of(respond(302, { Location: `/?${CANARY}` }, ''))).toBe(
    'failed: the token endpoint HOST cannot be reached',
  )
  expect(await of((_, socket) => void socket.destroy())).toBe(
    'failed: the token endpoint HOST cannot be reached',
  )
})

test('a token exchange without a token to exchange', async () => {
  const source = await endpoint(respondJson({ access_token: 'issued' }))
  expect(await told({ ...source, subjectTokenFile: join(folder, 'none') })).toBe(
    'failed: there is no file FOLDER/none',
  )
  expect(await told({ ...source, subjectTokenFile: file('blank', '\n') })).toBe(
    'failed: the file FOLDER/blank is empty',
  )
})

const AWS: CredentialForm = { kind: 'aws', region: 'us-east-1', service: 'bedrock' }
const KEYS = { AccessKeyId: 'AKIAEXAMPLE', SecretAccessKey: CANARY }
const HELD = `{"accessKeyId":"AKIAEXAMPLE","secretAccessKey":"${CANARY}","sessionToken":""}`

test('keys of AWS in the JSON that its tools print', async () => {
  const of = (content: unknown): Promise<string> =>
    told({ kind: 'file', path: file('aws', JSON.stringify(content, null, 2)) }, AWS)
  expect(await of(KEYS)).toBe(`value ${HELD} for ever`)
  expect(await of({ ...KEYS, SessionToken: 't', Expiration: '1970-01-01T00:20:00Z' })).toBe(
    `value ${HELD.replace('""', '"t"')} 1200000`,
  )
  expect(await of({ Credentials: KEYS })).toBe(`value ${HELD} for ever`)
  const shape =
    'gone: the file FOLDER/aws must hold JSON with AccessKeyId and SecretAccessKey, as aws configure export-credentials prints it'
  for (const wrong of [
    CANARY,
    null,
    [],
    { AccessKeyId: CANARY },
    { ...KEYS, SecretAccessKey: `${CANARY} two` },
    { ...KEYS, SessionToken: 7 },
  ])
    expect(await of(wrong)).toBe(shape)
  const printed = { kind: 'command', command: ['echo', JSON.stringify(KEYS)] } as const
  expect(await told(printed, AWS)).toBe(`value ${HELD} for ever`)
})

test('keys of AWS in the variables beside the one that is named', async () => {
  const source = { kind: 'environment', variable: 'TEST_AWS_ACCESS_KEY_ID' } as const
  const variables: string[] = []
  const set = (name: string, value: string): void => {
    variables.push(name)
    process.env[name] = value
  }
  stops.push(async () => variables.forEach((name) => delete process.env[name]))
  expect(await told(source, AWS)).toBe('gone: the variable TEST_AWS_ACCESS_KEY_ID is not set')
  set('TEST_AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE')
  expect(await told(source, AWS)).toBe('gone: the variable TEST_AWS_SECRET_ACCESS_KEY is not set')
  set('TEST_AWS_SECRET_ACCESS_KEY', CANARY)
  expect(await told(source, AWS)).toBe(`value ${HELD} for ever`)
  set('TEST_AWS_SESSION_TOKEN', 't')
  expect(await told(source, AWS)).toBe(`value ${HELD.replace('""', '"t"')} for ever`)
  set('TEST_AWS_ACCESS_KEY_ID', JSON.stringify(KEYS))
  expect(await told(source, AWS)).toBe(`value ${HELD} for ever`)
})

test('a key of a Google service account that cannot be used', async () => {
  const google: CredentialForm = { kind: 'google_service_account' }
  const of = (content: unknown): Promise<string> =>
    told({ kind: 'file', path: file('google', JSON.stringify(content)) }, google)
  const account = { client_email: 'a@b', private_key: CANARY, token_uri: 'https://oauth2.example/token' }
  const shape =
    'gone: the file FOLDER/google is no key of a Google service account: JSON with client_email, private_key and token_uri'
  for (const wrong of [null, CANARY, { ...account, client_email: 1 }, { private_key: CANARY }])
    expect(await of(wrong)).toBe(shape)
  expect(await of(account)).toBe('gone: private_key of the file FOLDER/google is no RSA key in PEM (PKCS #8)')
  for (const token_uri of ['http://oauth2.example/token', 'ftp://x', CANARY]) {
    expect(await of({ ...account, token_uri })).toBe(
      'gone: token_uri of the file FOLDER/google must be an https URL',
    )
  }
})

test('a token endpoint of Google that refuses, and one that is not there', async () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const upstream = await Upstream.start(
    respond(400, { 'Content-Type': 'application/json' }, '{"error":"invalid_grant"}'),
  )
  const path = file(
    'account',
    JSON.stringify({ client_email: 'a@b', private_key: privateKey, token_uri: `${upstream.url}/token` }),
  )
  const of = (): Promise<string> => told({ kind: 'file', path }, { kind: 'google_service_account' })
  const host = `127.0.0.1:${upstream.port}`
  expect(await of()).toBe(`failed: the token endpoint ${host} answered 400 (invalid_grant)`)
  await upstream.stop()
  expect(await of()).toBe(`failed: the token endpoint ${host} cannot be reached`)
})
