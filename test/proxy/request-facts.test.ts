import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { CompiledRules, NO_RULES } from '../../src/access/key-rules.ts'
import { requestTarget } from '../../src/http/request-target.ts'
import type { Operation } from '../../src/providers/operation.ts'
import { OPERATIONS } from '../../src/providers/operations.ts'
import { operationOf } from '../../src/providers/registry.ts'
import { readRequestFacts } from '../../src/proxy/request/request-facts.ts'
import { hiddenModel, unseenCost } from '../../src/proxy/request/unseen.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, type TestGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { respondJson, Upstream } from '../support/upstream.ts'

setDefaultTimeout(60_000)

// Every row of the table of operations, in every spelling of its path, with a model in every place where one can stand. A key that is bound
// to `cheap*` gets no other model through any of them, and a hard budget of money lets nothing pass whose cost it cannot see.

const OWNER = 'owner-token-0123456789abcdef'
const BOUND = 'bound-token-0123456789abcdef'
const HARD = 'hard-token-0123456789abcdefg'
const SOFT = 'soft-token-0123456789abcdefg'
let upstream: Upstream
let gateway: TestGateway
beforeAll(async () => {
  upstream = await Upstream.start(respondJson({ id: 'x' }))
  const budget = 'cost_usd: 1000, period: day'
  gateway = await openGateway(
    `providers: {openai: {upstream: "${upstream.url}", prices: [{model: cheap*, input: 1, output: 1}, {model: dear*, input: 9, output: 9}]}}
auth: {enabled: true, keys: [{id: root, token: ${OWNER}, role: owner}, {id: bound, token: ${BOUND}, role: developer, models: [cheap*]},
  {id: hard, token: ${HARD}, role: developer, limits: [{name: h, budget: {${budget}}}]},
  {id: soft, token: ${SOFT}, role: developer, limits: [{name: s, budget: {${budget}, enforcement: soft}}]}]}\n`,
  )
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

/** A path of a row, below the provider's prefix. */
function pathOf({ path }: Operation, model: string): string {
  if (path.startsWith(':')) return `/base/models/${model}${path}`
  if (path.startsWith('.')) return `/ws/google.Service${path}`
  return `/base${path.replaceAll('{}', path.startsWith('/model/') ? model : 'x1')}`
}

const escaped = (text: string): string =>
  text.replace(/[a-z]/gi, (letter) => `%${letter.charCodeAt(0).toString(16)}`)
const lastOf = (path: string): number => path.lastIndexOf('/') + 1

const SPELLINGS: Readonly<Record<string, (path: string) => string>> = {
  plain: (path) => path,
  upper: (path) => path.toUpperCase(),
  mixed: (path) => path.replace(/[a-z]/g, (letter, at: number) => (at % 2 ? letter.toUpperCase() : letter)),
  escapedLetter: (path) => path.slice(0, -1) + escaped(path.slice(-1)),
  escapedSegment: (path) => path.slice(0, lastOf(path)) + escaped(path.slice(lastOf(path))),
  escapedTwice: (path) => path.slice(0, -1) + escaped(path.slice(-1)).replaceAll('%', '%25'),
  escapedColon: (path) => path.replaceAll(':', '%3A'),
  escapedSlash: (path) => `${path.slice(0, lastOf(path) - 1)}%2f${path.slice(lastOf(path))}`,
  escapedBackslash: (path) => `${path.slice(0, lastOf(path) - 1)}%5C${path.slice(lastOf(path))}`,
  backslash: (path) => `${path.slice(0, lastOf(path) - 1)}\\${path.slice(lastOf(path))}`,
  doubleSlash: (path) => path.replaceAll('/', '//'),
  trailingSlash: (path) => `${path}/`,
  dotSegment: (path) => `${path.slice(0, lastOf(path))}./${path.slice(lastOf(path))}`,
  upSegment: (path) => `${path.slice(0, lastOf(path))}other/../${path.slice(lastOf(path))}`,
  escapedDots: (path) => `${path.slice(0, lastOf(path))}other/%2E%2e/${path.slice(lastOf(path))}`,
  matrixLast: (path) => `${path};v=1`,
  matrixFirst: (path) => path.replace('/', '/x;v=1/'),
}

interface Cell {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly fields?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly token: string
  readonly status: number
}

/** Sends a request byte for byte. @returns all that came back */
async function send({
  method,
  path,
  fields = {},
  body = '',
  token,
}: Omit<Cell, 'name' | 'status'>): Promise<RawClient> {
  const content = Buffer.from(body)
  const given = {
    host: 'localhost',
    authorization: 'Bearer sk-provider-0123456789',
    'content-type': 'application/json',
    ...fields,
    'x-ongoingai-gateway-key': token,
    'content-length': content.length,
    connection: 'close',
  }
  const lines = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`)
  const client = await RawClient.open(gateway.port)
  client.send(
    Buffer.concat([Buffer.from(`${method} /openai${path} HTTP/1.1\r\n${lines.join('')}\r\n`), content]),
  )
  await client.closed()
  return client
}

/** Asks all cells, several at a time. @returns those that were answered otherwise */
async function wrong(cells: readonly Cell[]): Promise<string[]> {
  const problems: string[] = []
  const waiting = cells.values()
  const ask = async (): Promise<void> => {
    for (const cell of waiting) {
      const { status, body } = await send(cell)
      if (status !== cell.status)
        problems.push(
          `${cell.name}: ${cell.path} ${status}, not ${cell.status}: ${body.toString().slice(0, 160)}`,
        )
    }
  }
  await Promise.all(Array.from({ length: 8 }, ask))
  return problems
}

/** What a request is read as, without sending it. */
function factsOf(
  method: string,
  path: string,
  { fields = {}, body = '' }: Pick<Cell, 'fields' | 'body'> = {},
) {
  const { readings, query } = requestTarget(`http://h/openai${path}`)
  const given: Readonly<Record<string, string>> = { 'content-type': 'application/json', ...fields }
  const content = Buffer.from(body)
  const upgrade = method === 'WS'
  const operation = operationOf(upgrade ? 'GET' : method, readings, upgrade)
  const requestFacts = { mediaType: '', codings: given['content-encoding'] ?? '' }
  const exchange = { operation, readings, query, fields: given, requestFacts, asked: undefined }
  return { operation, facts: readRequestFacts(exchange, content, content.length) }
}

const rules = new CompiledRules({ ...NO_RULES, models: ['cheap*'] })

/** Whether a key that is bound to `cheap*` gets a request refused. */
function isRefused({ operation, facts }: ReturnType<typeof factsOf>): boolean {
  try {
    rules.requireModels(facts.models, hiddenModel(operation, facts))
    return false
  } catch {
    return true
  }
}

/** What a row's content must hold so that it runs a model. */
function bodyOf({ models }: Operation, model: string): string {
  return JSON.stringify({ ...(models.onlyWith === undefined ? {} : { [models.onlyWith]: 'x' }), model })
}

const HTTP_ROWS = OPERATIONS.filter(({ method }) => method !== 'WS')
const POST_ROWS = OPERATIONS.filter(({ method }) => method === 'POST')
const runs = ({ models }: Operation): boolean => models.kind !== 'none'
const unheld = ({ cost }: Operation): boolean => cost.kind === 'later' || cost.kind === 'unseen'

test('every spelling of a path is the same row', () => {
  let cells = 0
  for (const operation of OPERATIONS)
    for (const [name, spell] of Object.entries(SPELLINGS)) {
      const found = factsOf(operation.method, spell(pathOf(operation, 'cheap'))).operation
      cells += 1
      // An escaped slash may belong to a name too; then what is billed counts.
      if (name === 'escapedSlash' || name === 'escapedBackslash') if (found.api && !operation.api) continue
      expect([name, found.method, found.path]).toEqual([name, operation.method, operation.path])
    }
  console.log(`${cells} cells: rows x spellings`)
})

test('on its way too, a row lets a bound key pass with its own model alone', async () => {
  const cells = HTTP_ROWS.flatMap((operation): Cell[] => {
    const { method, models } = operation
    const ask = (model: string, status: number): Cell => {
      const body = method === 'GET' ? '' : bodyOf(operation, model)
      return { name: model, method, path: pathOf(operation, model), body, token: BOUND, status }
    }
    const own = ask('cheap', models.kind === 'elsewhere' ? 403 : 200)
    return method === 'GET' ? [own] : [own, ask('dear', 403)]
  })
  for (const [name, spell] of Object.entries(SPELLINGS))
    for (const [path, body] of [
      ['/v1/chat/completions', '{"model":"dear"}'],
      ['/v1/messages/batches', '{"requests":[{"params":{"model":"dear"}}]}'],
      ['/v1beta/models/dear:generateContent', '{"model":"cheap"}'],
    ] as const)
      cells.push({ name, method: 'POST', path: spell(path), body, token: BOUND, status: 403 })
  for (const [name, { query = '', before = '', ...rest }] of Object.entries(NAMED))
    cells.push({
      ...rest,
      name,
      method: 'POST',
      path: `${before}/v1/chat/completions${query}`,
      token: BOUND,
      status: 403,
    })
  for (const [name, { query = '', ...rest }] of Object.entries(UNSEEN))
    cells.push({
      ...rest,
      name,
      method: 'POST',
      path: `/v1/chat/completions${query}`,
      token: BOUND,
      status: 403,
    })
  console.log(`${cells.length} cells through a socket: rows x models, spellings, places`)
  expect(await wrong(cells)).toEqual([])
})

const form = (boundary: string, ...parts: readonly string[]): string =>
  `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`
const field = (name: string, value: string): string =>
  `Content-Disposition: form-data; name=${name}\r\n\r\n${value}`
const FORM = { 'content-type': 'multipart/form-data; boundary=bound' }
const OWN = field('"model"', 'cheap')

/** Other models in all places: named, so that no row lets them pass. */
const NAMED: Readonly<
  Record<string, Pick<Cell, 'body' | 'fields'> & { readonly query?: string; readonly before?: string }>
> = {
  member: { body: '{"model":"dear","inputs":"x"}' },
  repeatedFirst: { body: '{"model":"dear","model":"cheap","inputs":"x"}' },
  repeatedLast: { body: '{"model":"cheap","model":"dear","inputs":"x"}' },
  upperCase: { body: '{"model":"cheap","MODEL":"dear","inputs":"x"}' },
  escapedName: { body: '{"model":"cheap","mod\\u0065l":"dear","inputs":"x"}' },
  list: { body: '{"model":"cheap","models":["cheap-2","dear"],"inputs":"x"}' },
  foldedName: { body: '{"model":"cheap","model\u017f":["dear"],"inputs":"x"}' },
  mark: { body: '\ufeff{"model":"dear","inputs":"x"}' },
  codedTwice: {
    fields: { 'content-encoding': 'gzip' },
    body: Buffer.concat([Bun.gzipSync('{"model":"cheap",'), Bun.gzipSync('"model":"dear"}')]),
  },
  query: { query: '?model=dear', body: '{"model":"cheap","inputs":"x"}' },
  repeatedQuery: { query: '?model=cheap&%4dodel=dear', body: '{"model":"cheap","inputs":"x"}' },
  deployment: { before: '/deployments/dear', body: '{"model":"cheap","inputs":"x"}' },
  formField: { fields: FORM, body: form('bound', OWN, field('"model"', 'dear')) },
  formFirst: { fields: FORM, body: form('bound', field('"model"', 'dear'), OWN) },
  formToken: { fields: FORM, body: form('bound', OWN, field('model', 'dear')) },
  formUpper: { fields: FORM, body: form('bound', OWN, field('"MODEL"', 'dear')) },
  formList: { fields: FORM, body: form('bound', OWN, field('"models[]"', 'dear')) },
  formFile: { fields: FORM, body: form('bound', OWN, field('"model"; filename="a"', 'dear')) },
}

/** Content that cannot be seen: refused wherever a model may run. */
const UNSEEN: Readonly<Record<string, Pick<Cell, 'body' | 'fields'> & { readonly query?: string }>> = {
  utf16: { body: Buffer.from('{"model":"dear"}', 'utf16le') },
  utf16Mark: { body: Buffer.from('\ufeff{"model":"dear"}', 'utf16le') },
  characterSet: {
    fields: { 'content-type': 'application/json; charset=utf-7' },
    body: '{"model":"cheap","+AG0-odel":"dear"}',
  },
  characterSets: {
    fields: { 'content-type': 'application/json; charset=utf-8; charset=utf-7' },
    body: '{"model":"cheap","+AG0-odel":"dear"}',
  },
  characterSetExtended: {
    fields: { 'content-type': "application/json; charset*=utf-8''utf-7" },
    body: '{"model":"cheap","+AG0-odel":"dear"}',
  },
  coding: { fields: { 'content-encoding': 'unheard-of' }, body: '{"model":"cheap"}' },
  notCoded: { fields: { 'content-encoding': 'gzip' }, body: '{"model":"cheap"}' },
  notWhole: { body: '{"model":"cheap","messages":[' },
  comment: { body: '{"model":"cheap", /* c */ "model":"dear"}' },
  commentHoldsQuote: { body: '{"model":"cheap","a":[/*"*/],"model":"dear","b":[/*"*/]}' },
  lineCommentHoldsQuote: { body: '{"model":"cheap","a":[\n#"\n],"model":"dear","b":[\n#"\n]}' },
  otherQuotes: { body: `{"model":"cheap","a":['"'],"model":"dear","b":['"']}` },
  missingComma: { body: '{"model":"cheap","a":1 "model":"dear"}' },
  array: { body: '[{"model":"dear"}]' },
  noText: { body: '{"model":{"id":"dear"}}' },
  urlencoded: { fields: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'model=dear' },
  queryStandsIn: {
    query: '?model=cheap',
    fields: { 'content-encoding': 'unheard-of' },
    body: '{"model":"dear"}',
  },
  formBoundary: { fields: FORM, body: form('other', field('"model"', 'dear')) },
  formTwoBoundaries: {
    fields: { 'content-type': 'multipart/form-data; boundary=bound; boundary=other' },
    body: form('bound', OWN),
  },
  formBareLine: {
    fields: FORM,
    body: form('bound', `${OWN}\n--bound\nContent-Disposition: form-data; name="model"\n\ndear`),
  },
  formExtended: { fields: FORM, body: form('bound', OWN, field('"x"; name*=utf-8\'\'model', 'dear')) },
  formFolded: {
    fields: FORM,
    body: form('bound', OWN, 'Content-Disposition: form-data;\r\n name="model"\r\n\r\ndear'),
  },
  formTwice: {
    fields: FORM,
    body: form('bound', OWN, field('"x"\r\nContent-Disposition: form-data; name="model"', 'dear')),
  },
  formBase64: {
    fields: FORM,
    body: form('bound', field('"model"\r\nContent-Transfer-Encoding: base64', 'ZGVhcg==')),
  },
  formCut: { fields: FORM, body: `--bound\r\n${OWN}\r\n` },
}

test('in every row, however its path is spelled and wherever another model stands, a bound key is refused', () => {
  let cells = 0
  const problems: string[] = []
  for (const operation of POST_ROWS)
    for (const [name, spell] of Object.entries(SPELLINGS)) {
      const path = spell(pathOf(operation, 'cheap'))
      const ask = (
        what: string,
        refused: boolean,
        to: string,
        content: Pick<Cell, 'fields' | 'body'>,
      ): void => {
        cells += 1
        if (isRefused(factsOf('POST', to, content)) !== refused)
          problems.push(`${operation.path} ${name} ${what}`)
      }
      ask('own', operation.models.kind === 'elsewhere', path, { body: bodyOf(operation, 'cheap') })
      const inPath = /^(?::|\/model\/)/.test(operation.path)
      ask('path', inPath || operation.models.kind === 'elsewhere', spell(pathOf(operation, 'dear')), {
        body: bodyOf(operation, 'cheap'),
      })
      for (const [place, { query = '', before = '', ...rest }] of Object.entries(NAMED))
        ask(place, true, `${before}${path}${query}`, rest)
      for (const [place, { query = '', ...rest }] of Object.entries(UNSEEN))
        ask(place, runs(factsOf('POST', path).operation), `${path}${query}`, rest)
      for (const place of operation.nested ?? []) ask(place, true, path, { body: nestedBody(place) })
    }
  console.log(`${cells} cells: rows x spellings x places`)
  expect(problems).toEqual([])
})

/** `{"session":{"model":"dear"}}` for `session.model`, beside a model of its own; in lists it is the second. */
function nestedBody(place: string): string {
  const inside = place
    .split('.')
    .reduceRight<unknown>((value, step) => (step === '*' ? [{}, value] : { [step]: value }), 'dear')
  return JSON.stringify({ model: 'cheap', ...(inside as object) })
}

test('a hard budget refuses what it cannot see, however the path is spelled, and a soft one nothing', async () => {
  let pure = 0
  for (const operation of POST_ROWS)
    for (const [name, spell] of Object.entries(SPELLINGS)) {
      const read = factsOf('POST', spell(pathOf(operation, 'cheap')), { body: bodyOf(operation, 'cheap') })
      const seen = unseenCost(read.operation, read.facts) === undefined
      // Where an escaped slash belongs to a name, other calls are meant, which are billed.
      if (read.operation.path === operation.path)
        expect([operation.path, name, seen]).toEqual([operation.path, name, !unheld(operation)])
      pure += 1
    }
  console.log(`${pure} cells: rows x spellings under a budget`)
  const cells = POST_ROWS.flatMap((operation): Cell[] => {
    const ask = {
      name: 'budget',
      method: 'POST',
      path: pathOf(operation, 'cheap'),
      body: bodyOf(operation, 'cheap'),
    }
    return [
      { ...ask, token: HARD, status: unheld(operation) ? 429 : 200 },
      { ...ask, token: SOFT, status: 200 },
    ]
  })
  const chat = '/v1/chat/completions'
  for (const [name, { query = '', ...rest }] of Object.entries(UNSEEN)) {
    if (name === 'noText') continue
    cells.push({ ...rest, name, method: 'POST', path: `${chat}${query}`, token: HARD, status: 429 })
    cells.push({ ...rest, name, method: 'POST', path: `${chat}${query}`, token: SOFT, status: 200 })
  }
  for (const [body, status] of [
    ['{}', 429],
    ['{"model":"cheap","model":"dear"}', 429],
    ['{"model":"cheap","Model":"dear"}', 429],
    ['{"model":"cheap","models":["dear"]}', 200],
    ['{"model":"unheard-of"}', 403],
  ] as const)
    cells.push({ name: body, method: 'POST', path: chat, body, token: HARD, status })
  for (const path of ['/v1/unheard/of', '/v1/videos', '/', '/v1/chat/completions/unheard'])
    for (const [token, status] of [
      [HARD, 429],
      [SOFT, 200],
    ] as const)
      cells.push({ name: 'unknown', method: 'POST', path, body: '{"model":"cheap"}', token, status })
  console.log(`${cells.length} cells through a socket: rows and places x budgets`)
  expect(await wrong(cells)).toEqual([])
})

test('a name in a path that holds an escaped slash is read whole, or the request is refused', () => {
  const own = '{"model":"cheap"}'
  for (const path of ['/model/dear%2Fx/converse', '/model//dear%2Fx//converse/', '/model/%2f/converse'])
    expect([path, isRefused(factsOf('POST', path, { body: own }))]).toEqual([path, true])
  const profile = encodeURIComponent('arn:aws:bedrock:us-east-1:1:inference-profile/cheap')
  expect(isRefused(factsOf('POST', `/model/${profile}/converse`, { body: own }))).toBe(false)
})

test('a request is judged by the method that the upstream may go by', async () => {
  const path = '/v1beta/tunedModels/dear:generateContent'
  const override = { 'x-http-method-override': 'POST' }
  const cells = ['PUT', 'PATCH', 'DELETE'].flatMap((method): Cell[] => [
    { name: 'field', method, path, fields: override, body: '{}', token: BOUND, status: 403 },
    { name: 'query', method, path: `${path}?$httpMethod=POST`, body: '{}', token: BOUND, status: 403 },
    { name: 'escaped', method, path: `${path}?%24httpMethod=POST`, body: '{}', token: BOUND, status: 403 },
    { name: 'budget', method, path, fields: override, body: '{}', token: HARD, status: 429 },
  ])
  for (const method of ['PUT', 'PATCH', 'QUERY']) {
    cells.push({ name: 'bound', method, path: '/v1/unheard/of', body: '{}', token: BOUND, status: 403 })
    cells.push({ name: 'hard', method, path: '/v1/unheard/of', body: '{}', token: HARD, status: 429 })
  }
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS'])
    for (const token of [BOUND, HARD])
      cells.push({ name: 'reads', method, path: '/v1/unheard/of', token, status: 200 })
  expect(await wrong(cells)).toEqual([])
})

test('calls that stand in no row name their model in other members too', () => {
  for (const name of ['modelId', 'model_id', 'modelName', 'model_name', 'engine']) {
    const ask = (model: string): boolean =>
      isRefused(factsOf('POST', '/async-invoke', { body: JSON.stringify({ model: 'cheap', [name]: model }) }))
    expect([name, ask('cheap'), ask('dear')]).toEqual([name, false, true])
  }
})

test('a model gets no other name by which a bound key may run it', async () => {
  const cells = [
    ['/api/copy', '{"source":"dear","destination":"cheap-2"}', 403],
    ['/api/copy', '{"source":"cheap","destination":"cheap-2"}', 200],
    ['/api/create', '{"model":"cheap-2","from":"dear"}', 403],
    ['/api/create', '{"model":"cheap-2","modelfile":"FROM dear"}', 403],
    ['/v1beta/interactions', '{"model":"cheap","agent":"dear"}', 403],
    ['/v1beta/interactions', '{"agent":"cheap-agent"}', 200],
  ] as const
  const asked = cells.map(([path, body, status]) => ({
    name: body,
    method: 'POST',
    path,
    body,
    token: BOUND,
    status,
  }))
  expect(await wrong(asked)).toEqual([])
})

test('an engine in the path is a model, a version or a call is none', () => {
  const body = '{"model":"cheap"}'
  const ask = (path: string): boolean => isRefused(factsOf('POST', path, { body }))
  expect(['/engines/dear/completions', '/v1/engines/dear/chat/completions'].map(ask)).toEqual([true, true])
  const own = ['/engines/v1/chat/completions', '/engines/llama.cpp/v1/chat/completions', '/models/embeddings']
  expect(own.map(ask)).toEqual([false, false, false])
})

test('a refusal says why, and that trying again does not help', async () => {
  const ask = async (path: string, token: string, body: string): Promise<string> =>
    (await send({ method: 'POST', path, token, body })).text
  const batch = await ask('/v1/batches', HARD, '{"input_file_id":"f"}')
  expect(batch.toLowerCase()).toContain('x-should-retry: false')
  expect(batch).toContain(
    'budget \\"h\\" is hard and cannot be held for this request: what it starts is billed later',
  )
  expect(await ask('/v1/batches', BOUND, '{"input_file_id":"f"}')).toContain(
    'restricted to certain models, and the model stands in a file that was uploaded',
  )
  expect(await ask('/v1/chat/completions', BOUND, '[1]')).toContain(
    "restricted to certain models, and the request's content is no JSON object that can be followed to its end",
  )
})

test('what agents do on the side passes a bound key', async () => {
  const cells = [
    '/api/event_logging/batch',
    '/api/event_logging/v2/batch',
    '/v1/responses/r1/cancel',
    '/v1/conversations',
    '/v1/conversations/c1',
    '/v1/conversations/c1/items',
    '/v1/containers',
    '/v1/threads',
    '/v1/messages/count_tokens?beta=true',
    '/v1/responses/input_tokens',
    '/v1/messages/batches/b1/cancel',
  ].map((path): Cell => ({
    name: 'aside',
    method: 'POST',
    path,
    body: '{"events":[{"model":"dear"}]}',
    token: BOUND,
    status: 200,
  }))
  expect(await wrong(cells)).toEqual([])
})

test('a message of a WebSocket that names another model ends the connection of a bound key', async () => {
  const messages: string[] = []
  const speaker = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: {
      message: (socket, message) => {
        messages.push(String(message))
        socket.send(message)
      },
    },
  })
  const relay = await openGateway(
    `providers: {openai: {upstream: "http://127.0.0.1:${speaker.port}"}}
auth: {enabled: true, keys: [{id: root, token: ${OWNER}, role: owner}, {id: bound, token: ${BOUND}, role: developer, models: [cheap*]}]}\n`,
  )
  const endOf = async (message: string): Promise<number> => {
    const headers = { authorization: 'Bearer sk-provider-0123456789', 'x-ongoingai-gateway-key': BOUND }
    const socket = new WebSocket(`${relay.url.replace('http', 'ws')}/openai/v1/realtime?model=cheap`, {
      headers,
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    socket.onclose = ({ code }) => resolve(code)
    socket.onmessage = () => socket.close(1000)
    socket.onopen = () => socket.send(message)
    return await promise
  }
  expect(await endOf('{"type":"session.update","session":{"model":"cheap"}}')).toBe(1000)
  expect(await endOf('{"type":"session.update","session":{"model":"dear"}}')).toBe(1008)
  expect(await endOf('{"type":"response.create","model":"dear"}')).toBe(1008)
  expect(
    await endOf('{"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"dear"}}}}}'),
  ).toBe(1008)
  expect(messages).toHaveLength(1)
  await relay.stop()
  await speaker.stop(true)
})

test('a receipt finds no price by a model that stands beside another', async () => {
  const body = '{"model":"cheap","model":"dear"}'
  const { text } = await send({ method: 'POST', path: '/v1/chat/completions', body, token: SOFT })
  const id = /x-ongoingai-trace-id: (\w+)/i.exec(text)?.[1]
  const list = async () =>
    await fetch(`${gateway.url}/api/traces/${id}`, { headers: { 'x-ongoingai-gateway-key': OWNER } })
  await eventually(async () => (await list()).ok)
  expect(await (await list()).json()).toMatchObject({ model: 'unknown', cost_status: 'unknown' })
})
