import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyAwsSignature } from '../support/aws-verifier.ts'
import { runProgram } from '../support/process.ts'
import { respond, respondJson, Upstream } from '../support/upstream.ts'

// What `doctor` says about the credentials that the gateway holds.

const folder = mkdtempSync(join(tmpdir(), 'ongoingai-doctor-credentials-'))
let upstream: Upstream
let tokens: Upstream

beforeAll(async () => {
  upstream = await Upstream.start((request, socket) => {
    const credential = request.field('x-api-key') ?? request.field('authorization')
    const accepted = ['Bearer value-good', 'value-good', 'Bearer issued-token-9'].includes(credential ?? '')
    return (accepted ? respondJson({ data: [] }) : respond(401, {}, '{}'))(request, socket)
  })
  tokens = await Upstream.start(respondJson({ access_token: 'issued-token-9', expires_in: 600 }))
  writeFileSync(join(folder, 'good'), 'value-good')
  writeFileSync(join(folder, 'subject'), 'subject')
})
afterAll(async () => {
  await upstream.stop()
  await tokens.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Finding {
  readonly status: string
  readonly summary: string
  readonly details?: readonly string[]
}

async function check(providers: string, ...words: string[]): Promise<Finding> {
  const file = join(folder, 'ongoingai.yaml')
  writeFileSync(file, `providers: {${providers}}\n`)
  const { out, err } = await runProgram(['doctor', '--format', 'json', '--config', file, ...words], {
    cwd: folder,
    env: { BAD: 'value-bad' },
  })
  expect(out + err).not.toMatch(/value-good|value-bad|issued-token/)
  const { checks } = JSON.parse(out) as { checks: (Finding & { name: string })[] }
  return checks.find(({ name }) => name === 'credentials')!
}

function provider(name: string, url: string, ...held: string[]): string {
  return `${name}: {upstream: "${url}", credentials: {use: gateway, held: [${held.join(', ')}]}}`
}

test('without held credentials there is nothing to say', async () => {
  expect(await check('')).toMatchObject({
    status: 'pass',
    summary: 'the gateway holds no credentials of providers',
  })
})

test('names each and whether it can be had, and contacts nobody', async () => {
  const exchange = `{url: "${tokens.url}", subject_token_file: ${folder}/subject}`
  const openai = provider(
    'openai',
    upstream.url,
    `{name: main, file: ${folder}/good}`,
    '{name: second, env: MISSING}',
    `{name: third, token_exchange: ${exchange}}`,
  )
  const anthropic = provider('anthropic', upstream.url, '{name: only, command: [false]}')
  expect(await check(openai)).toEqual({
    name: 'credentials',
    status: 'warn',
    summary: 'some credentials of the gateway are not good; others serve',
    details: [
      `openai: main (file ${folder}/good): available`,
      'openai: second (variable MISSING): unavailable: the variable MISSING is not set',
      `openai: third (token exchange at ${new URL(tokens.url).host}): not tried: a token is exchanged only with --online`,
    ],
  } as Finding & { name: string })
  expect(await check(`${openai}, ${anthropic}`)).toMatchObject({
    status: 'fail',
    summary: 'no credential is good for anthropic',
  })
  expect([upstream.requests.length, tokens.requests.length]).toEqual([0, 0])
})

test('--online tries each with a request that costs nothing: ok, refused or unreachable', async () => {
  const exchange = `{url: "${tokens.url}", subject_token_file: ${folder}/subject}`
  const { status, details } = await check(
    [
      provider('openai', upstream.url, `{name: main, file: ${folder}/good}`, '{name: second, env: BAD}'),
      provider('anthropic', upstream.url, `{name: main, file: ${folder}/good}`),
      provider('mistral', upstream.url, `{name: federated, token_exchange: ${exchange}}`),
      provider('groq', 'http://127.0.0.1:1', `{name: main, file: ${folder}/good}`),
    ].join(', '),
    '--online',
  )
  expect(status).toBe('fail')
  expect(details!.map((detail) => detail.replace(/ \(.*?\)/, ''))).toEqual([
    'openai: main: ok',
    'openai: second: refused: the provider answers 401',
    'anthropic: main: ok',
    'mistral: federated: ok',
    'groq: main: unreachable: groq cannot be reached',
  ])
  expect(upstream.requests.map(({ method, target }) => `${method} ${target}`)).toContain('GET /v1/models')
}, 60_000)

test('keys of AWS sign the request of --online; those of Google are used there alone', async () => {
  const secret = 'value-good-of-aws'
  const aws = await Upstream.start((request, socket) =>
    (verifyAwsSignature(request, secret).isGood ? respond(404, {}, '{}') : respond(403, {}, '{}'))(
      request,
      socket,
    ),
  )
  writeFileSync(join(folder, 'aws'), JSON.stringify({ AccessKeyId: 'AKIAX', SecretAccessKey: secret }))
  writeFileSync(join(folder, 'other'), JSON.stringify({ AccessKeyId: 'AKIAX', SecretAccessKey: 'value-bad' }))
  const held = (name: string): string =>
    `{name: ${name}, type: aws, region: us-east-1, file: ${folder}/${name}}`
  const bedrock = provider('bedrock', aws.url, held('aws'), held('other')).replace(
    '{',
    '{prefix: /bedrock, api: bedrock, ',
  )
  expect((await check(bedrock, '--online')).details).toEqual([
    `bedrock: aws (file ${folder}/aws): ok as far as can be seen: the provider answers 404`,
    `bedrock: other (file ${folder}/other): refused: the provider answers 403`,
  ])
  const google = provider(
    'gemini',
    aws.url,
    `{name: there, type: google_service_account, file: ${folder}/aws}`,
    '{name: not, type: google_service_account, env: MISSING}',
  )
  expect((await check(google)).details).toEqual([
    `gemini: there (file ${folder}/aws): not tried: its key is used only with --online`,
    'gemini: not (variable MISSING): unavailable: the variable MISSING is not set',
  ])
  await aws.stop()
})
