import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { generateKeyPairSync, verify } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { verifyAwsSignature } from '../support/aws-verifier.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { runProgram } from '../support/process.ts'
import { respond, respondJson, stream, Upstream, type Play, type WireRequest } from '../support/upstream.ts'

setDefaultTimeout(30_000)

// Bedrock, Vertex AI and Azure as targets of a name in `models`, with a gateway key alone: over real sockets.

const KEY = 'ogk_0123456789abcdefghijklmnopqrstuv'
const ID = 'AKIAIOSFODNN7EXAMPLE'
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const SESSION = 'FwoGZXIvYXdzEXAMPLESESSIONTOKEN'
const MODEL = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content: [{ type: 'text', text: 'ok' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 10, output_tokens: 2 },
}
const EVENTS = [
  `event: message_start\ndata: ${JSON.stringify({ type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } })}\n\n`,
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ok"}}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n',
  'event: message_stop\ndata: {"type":"message_stop"}\n\n',
]
const SSE = { 'Content-Type': 'text/event-stream' }

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function upstreamThat(play: Play): Promise<Upstream> {
  const upstream = await Upstream.start(play)
  stops.push(() => upstream.stop())
  return upstream
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'ongoingai-clouds-'))
  stops.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function fileWith(value: unknown): string {
  const file = join(folder(), 'credential')
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
  return file
}

async function gatewayWith(providers: string, models = '', more = ''): Promise<TestGateway> {
  const gateway = await openGateway(
    `providers:\n${providers}
models:${models === '' ? ' []' : `\n${models}`}
auth: { enabled: true, accept_in: [header, provider_field], keys: [{ id: a, token: ${KEY}, role: owner }] }
${more}`,
    { 'x-ongoingai-gateway-key': KEY },
  )
  stops.push(() => gateway.stop())
  return gateway
}

function provider(name: string, url: string, held: string, api = name): string {
  return `  ${name}: { upstream: "${url}", prefix: /${name}, api: ${api}, credentials: { use: gateway, held: [${held}] } }`
}

const AWS = (file: string): string => `{ name: main, type: aws, region: us-west-2, file: ${file} }`
const awsFile = (more: object = {}): string =>
  fileWith({ Version: 1, AccessKeyId: ID, SecretAccessKey: SECRET, ...more })

function post(
  gateway: TestGateway,
  path: string,
  body: Bun.BodyInit,
  fields: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'x-api-key': KEY,
      ...fields,
    },
    body,
  })
}

async function lastDetail(gateway: TestGateway): Promise<Record<string, unknown>> {
  const [trace] = await gateway.traces(1)
  return gateway.detail(trace!['id'])
}

const ALIAS = `  - { name: claude, targets: [{ provider: bedrock, model: "${MODEL}" }] }`
const ASKED = '{"model":"claude","max_tokens":8,"messages":[{"role":"user","content":"é"}]}'

function signatureOf(request: WireRequest): ReturnType<typeof verifyAwsSignature> {
  return verifyAwsSignature(request, SECRET)
}

test('the verifier of these tests agrees with the example of AWS’s documentation', () => {
  const fields = [
    ['content-type', 'application/x-www-form-urlencoded; charset=utf-8'],
    ['host', 'iam.amazonaws.com'],
    ['x-amz-date', '20150830T123600Z'],
    [
      'authorization',
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    ],
  ] as const
  const request: WireRequest = {
    method: 'GET',
    target: '/?Action=ListUsers&Version=2010-05-08',
    fields,
    body: Buffer.alloc(0),
    field: (name) => fields.find(([one]) => one === name)?.[1],
  }
  const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
  expect(verifyAwsSignature(request, secret)).toMatchObject({ isGood: true, service: 'iam' })
  expect(verifyAwsSignature(request, `${secret}x`).isGood).toBe(false)
})

test('Messages go to Bedrock’s InvokeModel, signed, and change only where Bedrock differs', async () => {
  const bedrock = await upstreamThat(respondJson(MESSAGE))
  const gateway = await gatewayWith(
    provider('bedrock', bedrock.url, AWS(awsFile({ SessionToken: SESSION }))),
    ALIAS,
  )
  const response = await post(gateway, '/v1/messages?beta=true', ASKED, { 'anthropic-beta': 'one,two' })
  expect([response.status, await response.json()]).toEqual([200, MESSAGE])
  const { last } = bedrock
  expect(last.target).toBe('/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke')
  expect(last.body.toString('utf8')).toBe(
    '{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["one","two"],"max_tokens":8,"messages":[{"role":"user","content":"é"}]}',
  )
  expect(signatureOf(last)).toEqual({
    isGood: true,
    accessKeyId: ID,
    region: 'us-west-2',
    service: 'bedrock',
    signedFields: ['host', 'x-amz-date', 'x-amz-security-token'],
  })
  expect(last.field('x-amz-security-token')).toBe(SESSION)
  expect(last.fields.flat().join('\n')).not.toContain(KEY)
  const detail = await lastDetail(gateway)
  expect(detail['mutated']).toEqual([
    'path.model',
    'query.beta',
    'model',
    'anthropic_version',
    'anthropic_beta',
  ])
  expect(detail).toMatchObject({
    target: `bedrock/${MODEL}`,
    requested_model: 'claude',
    input_tokens: 10,
    output_tokens: 2,
    usage_source: 'reported',
    metadata: { credential_name: 'main' },
    // A regional profile costs a tenth more.
    cost_status: 'exact',
    estimated_cost_usd: 0.000066,
  })
})

test('an inference profile may be named by its ARN', async () => {
  const bedrock = await upstreamThat(respondJson(MESSAGE))
  const arn = 'arn:aws:bedrock:us-west-2:1:application-inference-profile/ab12'
  const gateway = await gatewayWith(
    provider('bedrock', bedrock.url, AWS(awsFile())),
    `  - { name: claude, targets: [{ provider: bedrock, model: "${arn}" }] }`,
  )
  expect((await post(gateway, '/v1/messages', ASKED)).status).toBe(200)
  expect(bedrock.last.target).toBe(`/model/${encodeURIComponent(arn)}/invoke`)
  expect(signatureOf(bedrock.last).isGood).toBe(true)
})

test('a stream and a count of tokens are not for InvokeModel: they go to another target, or are refused', async () => {
  const bedrock = await upstreamThat(respondJson(MESSAGE))
  const anthropic = await upstreamThat(stream(EVENTS, { fields: SSE }))
  const gateway = await gatewayWith(
    [
      provider('bedrock', bedrock.url, AWS(awsFile())),
      provider('anthropic', anthropic.url, `{ name: main, file: ${fileWith('sk-ant-x')} }`),
    ].join('\n'),
    `${ALIAS}
  - { name: both, affinity: none, targets: [{ provider: bedrock, model: "${MODEL}" }, { provider: anthropic, model: claude-sonnet-4-5 }] }`,
  )
  const streamed = (model: string): string =>
    JSON.stringify({ model, max_tokens: 8, stream: true, messages: [] })
  for (let i = 0; i < 3; i++) {
    const response = await post(gateway, '/v1/messages', streamed('both'))
    expect(await response.text()).toBe(EVENTS.join(''))
  }
  const refused = await post(gateway, '/v1/messages', streamed('claude'))
  expect(refused.status).toBe(400)
  expect(await refused.json()).toMatchObject({
    error: {
      code: 'no_target_for_api',
      message: 'no target of model claude streams as the API of Anthropic does',
    },
  })
  const counted = await post(gateway, '/v1/messages/count_tokens', '{"model":"claude","messages":[]}')
  expect([counted.status, ((await counted.json()) as { error: object }).error]).toMatchObject([
    400,
    { message: 'no target of model claude takes /v1/messages/count_tokens as the API of Anthropic does' },
  ])
  expect(bedrock.requests).toHaveLength(0)
})

test('a failure of one cloud is answered by the next target, each with its own content', async () => {
  const bedrock = await upstreamThat(
    respond(503, { 'Content-Type': 'application/json' }, '{"message":"busy"}'),
  )
  const anthropic = await upstreamThat(respondJson(MESSAGE))
  const gateway = await gatewayWith(
    [
      provider('bedrock', bedrock.url, AWS(awsFile())),
      provider('anthropic', anthropic.url, `{ name: main, file: ${fileWith('sk-ant-x')} }`),
    ].join('\n'),
    `  - { name: claude, targets: [{ provider: bedrock, model: "${MODEL}" }, { provider: anthropic, model: claude-x, tier: 2 }] }`,
  )
  expect((await post(gateway, '/v1/messages?beta=true', ASKED)).status).toBe(200)
  expect(signatureOf(bedrock.last).isGood).toBe(true)
  expect(anthropic.last.target).toBe('/v1/messages?beta=true')
  expect(anthropic.last.body.toString()).toBe(ASKED.replace('"claude"', '"claude-x"'))
  expect((await lastDetail(gateway))['mutated']).toEqual(['model'])
})

test('OpenAI’s API at Bedrock is signed or has a key, and streams', async () => {
  const chunk =
    'data: {"id":"x","model":"openai.gpt-oss-20b-1:0","choices":[{"index":0,"delta":{"content":"ok"}}]}\n\n'
  const end =
    'data: {"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\ndata: [DONE]\n\n'
  const bedrock = await upstreamThat(stream([chunk, end], { fields: SSE }))
  const body = '{"model":"oss","stream":true,"stream_options":{"include_usage":true},"messages":[]}'
  for (const held of [AWS(awsFile()), `{ name: main, file: ${fileWith('ABSKexample')} }`]) {
    const gateway = await gatewayWith(
      provider('bedrock', bedrock.url, held),
      '  - { name: oss, targets: [{ provider: bedrock, model: "openai.gpt-oss-20b-1:0" }] }',
    )
    const response = await post(gateway, '/v1/chat/completions', body)
    expect(await response.text()).toBe(chunk + end)
    expect(bedrock.last.target).toBe('/openai/v1/chat/completions')
    expect(bedrock.last.body.toString()).toBe(body.replace('"oss"', '"openai.gpt-oss-20b-1:0"'))
    if (held.includes('aws')) expect(signatureOf(bedrock.last).isGood).toBe(true)
    else expect(bedrock.last.field('authorization')).toBe('Bearer ABSKexample')
    expect(await lastDetail(gateway)).toMatchObject({ input_tokens: 3, mutated: ['model'] })
  }
})

test('below the prefix Bedrock’s own calls are signed, large ones too; the client’s signature goes', async () => {
  const bedrock = await upstreamThat(respondJson({ output: {}, usage: { inputTokens: 1, outputTokens: 1 } }))
  const gateway = await gatewayWith(provider('bedrock', bedrock.url, AWS(awsFile())))
  const body = JSON.stringify({ messages: [{ role: 'user', content: [{ text: 'x'.repeat(400_000) }] }] })
  const response = await post(gateway, `/bedrock/model/${MODEL}/converse`, body, {
    authorization: `AWS4-HMAC-SHA256 Credential=${KEY}/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00`,
    'x-amz-date': '20260101T000000Z',
    'x-amz-security-token': 'of-the-client',
    'x-ongoingai-gateway-key': KEY,
  })
  expect(response.status).toBe(200)
  expect(bedrock.last.target).toBe(`/model/${MODEL}/converse`)
  expect(bedrock.last.body.toString()).toBe(body)
  expect(signatureOf(bedrock.last)).toMatchObject({ isGood: true, signedFields: ['host', 'x-amz-date'] })
  expect(bedrock.last.field('x-amz-security-token')).toBeUndefined()
  expect(await lastDetail(gateway)).not.toHaveProperty('mutated')
})

test('content that is too large to be held cannot be signed', async () => {
  const bedrock = await upstreamThat(respondJson({}))
  const gateway = await gatewayWith(provider('bedrock', bedrock.url, AWS(awsFile())))
  const response = await post(gateway, '/bedrock/model/m/invoke', new Uint8Array(17 * 1024 * 1024))
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
    413,
    'request_body_too_large',
  ])
  expect(bedrock.requests).toHaveLength(0)
})

test('keys that AWS calls expired are read again, and the request is sent once more', async () => {
  const file = awsFile({ SessionToken: 'old' })
  const bedrock = await upstreamThat((request, socket) => {
    if (request.field('x-amz-security-token') === 'new') return respondJson(MESSAGE)(request, socket)
    writeFileSync(file, JSON.stringify({ AccessKeyId: ID, SecretAccessKey: SECRET, SessionToken: 'new' }))
    return respond(
      403,
      { 'Content-Type': 'application/json', 'x-amzn-errortype': 'ExpiredTokenException' },
      '{"message":"The security token included in the request is expired"}',
    )(request, socket)
  })
  const gateway = await gatewayWith(provider('bedrock', bedrock.url, AWS(file)), ALIAS)
  expect((await post(gateway, '/v1/messages', ASKED)).status).toBe(200)
  expect(bedrock.requests.map((request) => request.field('x-amz-security-token'))).toEqual(['old', 'new'])
  for (const request of bedrock.requests) expect(signatureOf(request).isGood).toBe(true)
})

test('no secret of AWS or Google is written anywhere', async () => {
  const { privateKey } = serviceAccountKeys()
  const tokens = await upstreamThat(respondJson({ access_token: 'canary-access-token', expires_in: 3600 }))
  const echo: Play = (request, socket) =>
    respond(
      400,
      { 'Content-Type': 'application/json' },
      JSON.stringify({
        message: [SECRET, SESSION, 'canary-access-token', ...request.fields.flat()].join(' '),
      }),
    )(request, socket)
  const cloud = await upstreamThat(echo)
  const account = { client_email: 'a@b', private_key: privateKey, token_uri: `${tokens.url}/token` }
  const gateway = await gatewayWith(
    [
      provider('bedrock', cloud.url, AWS(awsFile({ SessionToken: SESSION }))),
      provider('vertex', cloud.url, `{ name: sa, type: google_service_account, file: ${fileWith(account)} }`),
    ].join('\n'),
    `${ALIAS}\n  - { name: gem, targets: [{ provider: vertex, model: m }] }`,
    'tracing: { capture_bodies: true }\n',
  )
  expect((await post(gateway, '/v1/messages', ASKED)).status).toBe(400)
  expect((await post(gateway, '/v1/messages', ASKED.replace('claude', 'gem'))).status).toBe(400)
  const seen = JSON.stringify([
    ...(await Promise.all((await gateway.traces(2)).map(({ id }) => gateway.detail(id)))),
    gateway.lines,
  ])
  const written = readdirSync(gateway.folder, { recursive: true })
    .map((name) => join(gateway.folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n')
  const keyText = privateKey.split('\n')[3]!
  for (const secret of [SECRET, SESSION, 'canary-access-token', keyText]) {
    expect(seen).not.toContain(secret)
    expect(written).not.toContain(secret)
  }
  expect(seen).toContain('[REDACTED] [REDACTED] [REDACTED]')
})

function serviceAccountKeys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
}

const PROJECT = '/v1/projects/p/locations/us-east5'

test('a service account of Google gets a token, and Messages go to Vertex AI’s rawPredict, streams included', async () => {
  const { privateKey, publicKey } = serviceAccountKeys()
  const tokens = await upstreamThat(respondJson({ access_token: 'token-of-google', expires_in: 3600 }))
  const vertex = await upstreamThat((request, socket) =>
    (request.target.includes('stream') ? stream(EVENTS, { fields: SSE }) : respondJson(MESSAGE))(
      request,
      socket,
    ),
  )
  const account = {
    type: 'service_account',
    private_key_id: 'k1',
    private_key: privateKey,
    client_email: 'gateway@p.iam.gserviceaccount.com',
    token_uri: `${tokens.url}/token`,
  }
  const gateway = await gatewayWith(
    provider(
      'vertex',
      `${vertex.url}${PROJECT}`,
      `{ name: sa, type: google_service_account, file: ${fileWith(account)} }`,
    ),
    '  - { name: claude, targets: [{ provider: vertex, model: claude-sonnet-4-5@20250929 }] }',
  )
  const form = new URLSearchParams(tokens.last.body.toString())
  expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [header = '', claims = '', signature = ''] = form.get('assertion')!.split('.')
  expect(
    verify('sha256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url')),
  ).toBe(true)
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
    alg: 'RS256',
    typ: 'JWT',
    kid: 'k1',
  })
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, number>
  expect(said).toMatchObject({
    iss: account.client_email,
    aud: account.token_uri,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    exp: said['iat']! + 3600,
  })

  const whole = await post(gateway, '/v1/messages?beta=true', ASKED, { 'anthropic-beta': 'one' })
  expect([whole.status, await whole.json()]).toEqual([200, MESSAGE])
  expect(vertex.last.target).toBe(
    `${PROJECT}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict`,
  )
  expect(vertex.last.body.toString('utf8')).toBe(
    '{"anthropic_version":"vertex-2023-10-16","max_tokens":8,"messages":[{"role":"user","content":"é"}]}',
  )
  expect(vertex.last.field('authorization')).toBe('Bearer token-of-google')
  expect(vertex.last.field('anthropic-beta')).toBe('one')
  expect((await lastDetail(gateway))['mutated']).toEqual([
    'path.model',
    'query.beta',
    'model',
    'anthropic_version',
  ])

  const streamed = ASKED.replace('"max_tokens"', '"stream":true,"max_tokens"')
  const events = await post(gateway, '/v1/messages', streamed)
  expect(await events.text()).toBe(EVENTS.join(''))
  expect(vertex.last.target).toBe(
    `${PROJECT}/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict`,
  )
  expect(vertex.last.body.toString()).toContain('"stream":true')
  const [trace] = await gateway.traces(2)
  expect(trace).toMatchObject({ input_tokens: 10, output_tokens: 2, finish_reason: 'end_turn' })
  // The location stands in the base URL, and a region costs a tenth more.
  expect(await gateway.detail(trace!['id'])).toMatchObject({
    usage: { place: 'us-east5' },
    cost_status: 'exact',
    estimated_cost_usd: 0.000066,
  })

  await post(gateway, '/v1/messages/count_tokens', '{"model":"claude","messages":[]}')
  expect(vertex.last.target).toBe(`${PROJECT}/publishers/anthropic/models/count-tokens:rawPredict`)
  expect(vertex.last.body.toString()).toBe(
    '{"anthropic_version":"vertex-2023-10-16","model":"claude-sonnet-4-5@20250929","messages":[]}',
  )
})

test('Gemini’s and OpenAI’s dialects at Vertex AI', async () => {
  const vertex = await upstreamThat(respondJson({}))
  const gateway = await gatewayWith(
    provider('vertex', `${vertex.url}${PROJECT}`, `{ name: main, file: ${fileWith('ya29.token')} }`),
    '  - { name: flash, targets: [{ provider: vertex, model: gemini-2.5-flash }] }\n  - { name: open, targets: [{ provider: vertex, model: google/gemini-2.5-flash }] }',
  )
  await post(gateway, '/v1beta/models/flash:generateContent', '{"contents":[]}')
  expect(vertex.last.target).toBe(`${PROJECT}/publishers/google/models/gemini-2.5-flash:generateContent`)
  expect(vertex.last.body.toString()).toBe('{"contents":[]}')
  await post(gateway, '/v1/chat/completions', '{"model":"open","messages":[]}')
  expect(vertex.last.target).toBe(`${PROJECT}/endpoints/openapi/chat/completions`)
  expect(vertex.last.body.toString()).toBe('{"model":"google/gemini-2.5-flash","messages":[]}')
  expect(vertex.last.field('authorization')).toBe('Bearer ya29.token')
})

test.each([
  ['/v1/chat/completions', '/openai/v1/chat/completions', 'api-key'],
  ['/v1/responses', '/openai/v1/responses', 'api-key'],
  ['/v1/embeddings', '/openai/v1/embeddings', 'api-key'],
  ['/v1/messages', '/anthropic/v1/messages', 'x-api-key'],
])('a deployment of Azure: %s', async (path, at, field) => {
  const azure = await upstreamThat(stream(['data: {"id":"x"}\n\n', 'data: [DONE]\n\n'], { fields: SSE }))
  const gateway = await gatewayWith(
    provider('azure', azure.url, `{ name: main, file: ${fileWith('key-of-azure')} }`),
    '  - { name: fast, targets: [{ provider: azure, model: my-deployment }] }',
  )
  const response = await post(gateway, path, '{"model":"fast","stream":true,"input":"x"}')
  expect([response.status, await response.text()]).toEqual([200, 'data: {"id":"x"}\n\ndata: [DONE]\n\n'])
  expect(azure.last.target).toBe(at)
  expect(azure.last.body.toString()).toBe('{"model":"my-deployment","stream":true,"input":"x"}')
  expect(azure.last.field(field)).toBe('key-of-azure')
  expect(azure.last.fields.flat().join('\n')).not.toContain(KEY)
})

test('plain names go to a cloud that is the default provider; content with a coding loses it', async () => {
  const bedrock = await upstreamThat(respondJson(MESSAGE))
  const gateway = await gatewayWith(
    provider('bedrock', bedrock.url, AWS(awsFile())),
    '',
    'routing: { default_provider: { anthropic: bedrock } }\n',
  )
  const body = '{"model":"anthropic.claude-x","messages":[]}'
  const zipped = await post(gateway, '/v1/messages', gzipSync(body), { 'content-encoding': 'gzip' })
  expect(zipped.status).toBe(200)
  expect(bedrock.last.target).toBe('/model/anthropic.claude-x/invoke')
  expect(bedrock.last.field('content-encoding')).toBeUndefined()
  expect(bedrock.last.body.toString()).toBe('{"anthropic_version":"bedrock-2023-05-31","messages":[]}')
  expect(signatureOf(bedrock.last).isGood).toBe(true)
  const without = await post(gateway, '/v1/messages', '{"messages":[]}')
  expect([without.status, ((await without.json()) as { error: object }).error]).toMatchObject([
    400,
    { code: 'no_target_for_api' },
  ])
  expect(bedrock.requests).toHaveLength(1)
})

test('the caller’s own credential passes where the settings let it, large content as a stream', async () => {
  const bedrock = await upstreamThat(respondJson({}))
  const gateway = await gatewayWith(
    provider('bedrock', bedrock.url, AWS(awsFile())).replace('use: gateway', 'use: client_or_gateway'),
  )
  const content = new Uint8Array(17 * 1024 * 1024)
  const response = await post(gateway, '/bedrock/model/m/invoke', content, {
    'x-api-key': '',
    authorization: 'Bearer own-key-of-the-caller',
    'x-ongoingai-gateway-key': KEY,
  })
  expect(response.status).toBe(200)
  expect(bedrock.last.field('authorization')).toBe('Bearer own-key-of-the-caller')
  expect(bedrock.last.body).toHaveLength(content.length)
})

test('targets try asks each model in the dialect in which its cloud serves it', async () => {
  const vertex = await upstreamThat(respondJson(MESSAGE))
  const gateway = await gatewayWith(
    provider('vertex', `${vertex.url}${PROJECT}`, `{ name: main, file: ${fileWith('ya29.token')} }`),
    `  - name: all
    targets:
      - { provider: vertex, model: claude-sonnet-4-5 }
      - { provider: vertex, model: gemini-2.5-flash }
      - { provider: vertex, model: meta/llama-4 }`,
  )
  const config = join(gateway.folder, 'ongoingai.yaml')
  const words = ['targets', 'try', 'all', '--config', config, '--base-url', gateway.url, '--gateway-key', KEY]
  const { out } = await runProgram(words)
  expect(out.match(/ {2}ok/g)).toHaveLength(3)
  expect(vertex.requests.map(({ target }) => target.slice(PROJECT.length))).toEqual([
    '/publishers/anthropic/models/claude-sonnet-4-5:rawPredict',
    '/publishers/google/models/gemini-2.5-flash:generateContent',
    '/endpoints/openapi/chat/completions',
  ])
})

test('a second credential of provider/model gets the same request', async () => {
  const openai = await upstreamThat((request, socket) =>
    (request.field('authorization') === 'Bearer good-key'
      ? respondJson({ id: 'x', model: 'm' })
      : respond(429, { 'Content-Type': 'application/json' }, '{"error":{"message":"slow"}}'))(
      request,
      socket,
    ),
  )
  const gateway = await gatewayWith(
    provider(
      'openai',
      openai.url,
      `{ name: bad, file: ${fileWith('bad-key')}, weight: 2 }, { name: good, file: ${fileWith('good-key')} }`,
    ),
  )
  expect((await post(gateway, '/v1/chat/completions', '{"model":"openai/m","messages":[]}')).status).toBe(200)
  expect(openai.requests.map(({ body }) => body.toString())).toEqual([
    '{"model":"m","messages":[]}',
    '{"model":"m","messages":[]}',
  ])
})
