import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { openGateway, providersAt } from '../support/gateway.ts'
import { respond, Upstream, type WireRequest } from '../support/upstream.ts'
import type { Socket } from 'node:net'

// Every mode, with every real content under every declared type, with a length and without one, as a request and as an answer, through a
// gateway over real sockets. The oracle knows nothing of the code: each cell plants a value with letters of its own, and these letters
// must not be found, plain or encoded, in what the mode keeps it from.

setDefaultTimeout(120_000)

/** Requests that are under way at once. */
const AT_ONCE = 48

/** Who is to see content: a policy always can, only where such may pass, never. */
type Seen = 'always' | 'where allowed' | 'never'

interface Content {
  readonly name: string
  readonly seen: Seen
  readonly multipart?: boolean
  /** @param mail what is planted; @param mark its letters; of clean content both are harmless */
  bytes(mail: string, mark: string): Uint8Array
}

const utf8 = (text: string): Uint8Array => Buffer.from(text)
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const CHUNK = (text: string): string =>
  `data: {"id":"c","choices":[{"index":0,"delta":{"content":${JSON.stringify(text)}}}]}\n\n`
const LINE = (text: string): string =>
  `${JSON.stringify({ model: 'm', message: { role: 'assistant', content: text }, done: false })}\n`
const halves = (mail: string): [string, string] => {
  const cut = mail.indexOf('.') + 6
  return [mail.slice(0, cut), mail.slice(cut)]
}
const part = (head: string, content: string): string =>
  `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`
const form = (parts: string, { before = '', behind = '' } = {}): Uint8Array =>
  utf8(`${before}${parts}--b--\r\n${behind}`)
const text = 'name="prompt"'

const CONTENTS: readonly Content[] = [
  { name: 'JSON', seen: 'always', bytes: (mail) => utf8(`{ "input": "Mail ${mail} now" , "n": 1.0 }\n`) },
  {
    name: 'JSON with escapes',
    seen: 'always',
    bytes: (mail) => utf8(`{"input":"${mail.replace('@', '\\u0040')}"}`),
  },
  { name: 'a JSON string', seen: 'always', bytes: (mail) => utf8(`"${mail.replace('@', '\\u0040')}"`) },
  { name: 'a name of a member', seen: 'always', bytes: (mail) => utf8(`{"by":{"${mail}":1}}`) },
  {
    name: 'a denied name',
    seen: 'always',
    bytes: (_, mark) => utf8(mark === CLEAN ? '{"word":"x","password":""}' : `{"password":"hunter ${mark}"}`),
  },
  {
    name: 'JSON within JSON',
    seen: 'always',
    bytes: (mail) => utf8(JSON.stringify({ arguments: JSON.stringify({ to: mail }) })),
  },
  {
    name: 'a data URL of text',
    seen: 'always',
    bytes: (mail) => utf8(JSON.stringify({ url: `data:text/plain;base64,${base64(`Mail ${mail}`)}` })),
  },
  {
    name: 'a document of text in base64',
    seen: 'always',
    bytes: (mail) =>
      utf8(JSON.stringify({ source: { type: 'base64', media_type: 'text/plain', data: base64(mail) } })),
  },
  { name: 'JSON lines', seen: 'always', bytes: (mail) => utf8(`{"a":1}\n{"b":"${mail}"}\n{"c":3}\n`) },
  {
    name: 'JSON lines with a value over two',
    seen: 'always',
    bytes: (mail) => utf8(halves(mail).map(LINE).join('') + LINE(' is it.')),
  },
  {
    name: 'events with a value over two',
    seen: 'always',
    bytes: (mail) => utf8(`${halves(mail).map(CHUNK).join('')}${CHUNK(' is it.')}data: [DONE]\n\n`),
  },
  {
    name: 'a form',
    seen: 'always',
    bytes: (mail) => utf8(`model=m&input=Mail+${encodeURIComponent(mail)}&n=1`),
  },
  {
    name: 'a name in a form',
    seen: 'always',
    bytes: (mail) => utf8(`model=m&${encodeURIComponent(mail)}=1`),
  },
  { name: 'a field', seen: 'always', multipart: true, bytes: (mail) => form(part(text, `Mail ${mail}`)) },
  {
    name: 'a file',
    seen: 'always',
    multipart: true,
    bytes: (mail) =>
      form(part('name="f"; filename="x.txt"\r\nContent-Type: application/octet-stream', `Mail ${mail}`)),
  },
  {
    name: 'the name of a file',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(`name="f"; filename="${mail}.txt"`, 'x')),
  },
  {
    name: 'the encoded name of a file',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(`name="f"; filename*=UTF-8''${encodeURIComponent(mail)}.txt`, 'x')),
  },
  {
    name: 'the name of a field',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(`name="${mail}"`, 'x')),
  },
  {
    name: 'another header of a part',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(`${text}\r\nX-From: ${mail}`, 'x')),
  },
  {
    name: 'before the first part',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(text, 'x'), { before: `From ${mail}\r\n` }),
  },
  {
    name: 'behind the last part',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(text, 'x'), { behind: `From ${mail}\r\n` }),
  },
  {
    name: 'a part in base64',
    seen: 'always',
    multipart: true,
    bytes: (mail) => form(part(`${text}\r\nContent-Transfer-Encoding: base64`, base64(`Mail ${mail} now`))),
  },
  {
    name: 'a quoted-printable part',
    seen: 'always',
    multipart: true,
    bytes: (mail) =>
      form(part(`${text}\r\nContent-Transfer-Encoding: quoted-printable`, mail.replace('@', '=40'))),
  },
  {
    name: 'a form within a part',
    seen: 'always',
    multipart: true,
    bytes: (mail) =>
      form(
        part(
          'name="all"\r\nContent-Type: multipart/mixed; boundary=c',
          `--c\r\nContent-Disposition: attachment; filename="x.txt"\r\n\r\n${mail}\r\n--c--`,
        ),
      ),
  },
  { name: 'text', seen: 'always', bytes: (mail) => utf8(`Dear all,\nmail ${mail} now.\n`) },
  {
    name: 'text in UTF-16',
    seen: 'always',
    bytes: (mail) => Buffer.from(`\u{feff}Mail ${mail}`, 'utf16le'),
  },
  {
    name: 'JSON in UTF-16',
    seen: 'always',
    bytes: (mail) => Buffer.from(`{"input":"${mail}"}`, 'utf16le').swap16(),
  },
  {
    name: 'text in ISO 8859-1',
    seen: 'where allowed',
    bytes: (mail) => Buffer.from(`Grüße an ${mail}`, 'latin1'),
  },
  { name: 'gzip', seen: 'never', bytes: (mail) => gzipSync(`{"input":"${mail}"}`) },
  {
    name: 'data that is no text',
    seen: 'never',
    bytes: (mail) => Buffer.concat([Buffer.from([0, 1, 2, 255, 254, 0]), utf8(mail), Buffer.from([0, 200])]),
  },
  {
    name: 'an image within JSON',
    seen: 'never',
    bytes: (mail) =>
      utf8(JSON.stringify({ url: `data:image/png;base64,${base64(`\u0089PNG\0\0${mail}\0`)}` })),
  },
]

interface Declared {
  readonly name: string
  readonly type: string
  /** Under this type nothing is looked into where uninspectable content is refused. */
  readonly doubtful?: boolean
  readonly multipart?: boolean
}

const DECLARED: readonly Declared[] = [
  { name: 'JSON', type: 'application/json' },
  { name: 'no type', type: '' },
  { name: 'a form', type: 'application/x-www-form-urlencoded' },
  { name: 'a multipart form', type: 'multipart/form-data; boundary=b', multipart: true },
  { name: 'text', type: 'text/plain; charset=utf-8' },
  { name: 'unknown data', type: 'application/octet-stream', doubtful: true },
  { name: 'JSON lines', type: 'application/x-ndjson' },
  { name: 'events', type: 'text/event-stream' },
  { name: 'a JSON type of a vendor', type: 'application/vnd.acme.v1+json' },
  { name: 'a wrong charset', type: 'application/json; charset=utf-7', doubtful: true },
]

type Action = 'pass' | 'redact' | 'block'

interface Mode {
  readonly settings: string
  readonly request: Action
  readonly response: Action
  readonly stored: 'as it is' | 'redacted'
  readonly uninspectable: 'deny' | 'allow'
  readonly reversible?: boolean
}

function mode(
  name: string,
  request: Action,
  response: Action,
  uninspectable: Mode['uninspectable'],
  more = '',
): Mode {
  return {
    settings: `mode: "${name}", uninspectable: ${uninspectable}${more}`,
    request,
    response,
    stored: name === 'off' ? 'as it is' : 'redacted',
    uninspectable,
    ...(more === '' ? {} : { reversible: true }),
  }
}

const MODES: readonly Mode[] = [
  mode('off', 'pass', 'pass', 'deny'),
  ...(['deny', 'allow'] as const).flatMap((uninspectable) => [
    mode('redact_storage', 'pass', 'pass', uninspectable),
    mode('redact_upstream', 'redact', 'pass', uninspectable),
    mode('block', 'block', 'pass', uninspectable),
    mode('redact_response', 'pass', 'redact', uninspectable),
    mode('block_response', 'pass', 'block', uninspectable),
    mode('redact_upstream+redact_response', 'redact', 'redact', uninspectable),
    mode('block+block_response', 'block', 'block', uninspectable),
    mode('redact_upstream', 'redact', 'pass', uninspectable, ', replacement: {reversible: true}'),
  ]),
]

const DIRECTIONS = ['request', 'response'] as const
const LENGTHS = ['with a length', 'without a length'] as const

interface Cell {
  readonly name: string
  readonly id: string
  readonly direction: 'request' | 'response' | 'echo'
  readonly length: (typeof LENGTHS)[number]
  readonly declared: Declared
  readonly content: Content
  readonly bytes: Uint8Array
  /** The planted letters; empty when nothing is planted. */
  readonly mark: string
}

/** Letters that no word, hash or id has, one after another. */
function markOf(number: number): string {
  const letters = 'ghjkmnpqrstvwxyz'
  let mark = 'q'
  for (let rest = number, i = 0; i < 4; i++, rest = Math.floor(rest / 16)) mark += letters[rest % 16]
  return mark
}

const CLEAN = 'clean'

function cellsOf({ reversible, uninspectable }: Mode): Cell[] {
  const cells: Cell[] = []
  // Where everything may pass, content in which there is nothing to find is tried too: it passes byte for byte.
  const planted = uninspectable === 'allow' && !reversible ? [true, false] : [true]
  for (const direction of reversible ? (['request', 'echo'] as const) : DIRECTIONS)
    for (const length of LENGTHS)
      for (const declared of DECLARED)
        for (const content of CONTENTS)
          for (const finds of planted) {
            const mark = finds ? markOf(cells.length) : ''
            const mail = finds ? `jane.${mark}.${mark}roe@example.com` : 'nobody at all'
            const bytes = content.bytes(mail, finds ? mark : CLEAN)
            const name = [direction, length, `declared ${declared.name}`, content.name, mark].join(', ')
            cells.push({ name, id: `${cells.length}`, direction, length, declared, content, bytes, mark })
          }
  return cells
}

/** Whether a value can be read out of bytes, in one of the encodings in which the contents above carry it. */
function holds(bytes: Uint8Array, mark: string): boolean {
  const plain = Buffer.from(bytes).toString('latin1')
  if (plain.includes(mark) || plain.replaceAll('\0', '').includes(mark)) return true
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && gunzipSync(bytes).includes(mark)) return true
  return (plain.match(/[A-Za-z0-9+/_=-]{12,}/g) ?? []).some((run) =>
    Buffer.from(run, 'base64').includes(mark),
  )
}

const UNINSPECTABLE = /(?:content|response)_uninspectable/
const BLOCKED = /pii_blocked|response_blocked/

/** What is wrong with what came of a cell; empty when nothing is. */
function problemOf(cell: Cell, { request, response, uninspectable }: Mode, got: Got): string {
  const { direction, content, declared, bytes, mark } = cell
  const action = direction === 'response' ? response : request
  const { status, refusal } = got
  const arrived = direction === 'request' ? got.upstream : got.client
  const same = arrived !== undefined && Buffer.compare(arrived, bytes) === 0
  if (action === 'pass') return status === 200 && same ? '' : `${status}, not as it came`
  const doubtful = declared.doubtful === true || (declared.multipart === true && !content.multipart)
  const seen = uninspectable === 'allow' ? content.seen !== 'never' : content.seen === 'always' && !doubtful
  if (mark === '' || (!seen && uninspectable === 'allow')) {
    return status === 200 && refusal === '' && same ? '' : `${status} ${refusal}: not as it came`
  }
  if (!seen) {
    if (arrived !== undefined && holds(arrived, mark)) return 'leaked'
    if (UNINSPECTABLE.test(refusal)) return ''
    return BLOCKED.test(refusal) ? '' : `${status} ${refusal}: not refused`
  }
  if (direction === 'echo') return echoProblem(got, mark)
  if (arrived !== undefined && holds(arrived, mark)) return 'leaked'
  if (action === 'block') return BLOCKED.test(refusal) ? '' : `${status} ${refusal}: not blocked`
  if (status !== 200 || refusal !== '' || !arrived) return `${status} ${refusal}: refused`
  return same ? 'nothing was replaced' : ''
}

/** The upstream must not have had the value, and the client must have it again. */
function echoProblem({ upstream, client, status }: Got, mark: string): string {
  if (!upstream || holds(upstream, mark)) return 'leaked'
  if (status !== 200 || !client) return `${status}: refused`
  const read = Buffer.from(client).toString('latin1').replaceAll('\0', '')
  if (/(?:EMAIL|FIELD)_\d/.test(decodeURIComponent(read.replaceAll(/%(?![0-9A-F]{2})/g, ''))))
    return 'a placeholder'
  return holds(client, mark) ? '' : 'not put back'
}

interface Got {
  readonly status: number
  /** Code of the gateway's refusal, in the answer or as the last event of a stream; empty for none. */
  readonly refusal: string
  readonly traceId: string
  /** Content that the upstream got; `undefined` when it was not asked. */
  readonly upstream: Uint8Array | undefined
  readonly client: Uint8Array | undefined
}

let upstream: Upstream
const byId = new Map<string, Cell>()
const sent = new Map<string, Uint8Array>()

beforeAll(async () => {
  upstream = await Upstream.start(async (request, socket) => {
    const id = request.field('x-cell')!
    sent.set(id, request.body)
    upstream.requests.length = 0
    await play(byId.get(id)!, request, socket)
  })
})
afterAll(() => upstream.stop())

async function play(cell: Cell, request: WireRequest, socket: Socket): Promise<void> {
  if (cell.direction === 'request')
    return respond(200, { 'Content-Type': 'application/json' }, '{}')(request, socket)
  const content = cell.direction === 'echo' ? request.body : cell.bytes
  const fields: Record<string, string> =
    cell.declared.type === '' ? {} : { 'Content-Type': cell.declared.type }
  if (cell.length === 'with a length') return respond(200, fields, content)(request, socket)
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 200 OK\r\n${lines.join('')}Transfer-Encoding: chunked\r\n\r\n`)
  for (const piece of piecesOf(content)) {
    socket.write(Buffer.concat([utf8(`${piece.length.toString(16)}\r\n`), piece, utf8('\r\n')]))
    await turn()
  }
  socket.write('0\r\n\r\n')
}

/** The first byte, then up to the middle, then the rest. */
function piecesOf(bytes: Uint8Array): Uint8Array[] {
  const middle = Math.floor(bytes.length / 2)
  return [bytes.subarray(0, 1), bytes.subarray(1, middle), bytes.subarray(middle)].filter(
    ({ length }) => length > 0,
  )
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function* pieceByPiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const piece of piecesOf(bytes)) {
    yield piece
    await turn()
  }
}

async function ask(url: string, cell: Cell): Promise<Got> {
  const { id, direction, declared, length } = cell
  const bytes = direction === 'response' ? utf8('{}') : cell.bytes
  const type = direction === 'response' ? 'application/json' : declared.type
  const chunked = direction !== 'response' && length === 'without a length'
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-cell': id, ...(type === '' ? {} : { 'content-type': type }) },
    body: (chunked ? pieceByPiece(bytes) : bytes) as Bun.BodyInit,
  })
  const client = new Uint8Array(await response.arrayBuffer())
  const told = Buffer.from(client).toString('latin1')
  const refused = new RegExp(`${UNINSPECTABLE.source}|${BLOCKED.source}`).exec(told)?.[0] ?? ''
  return {
    status: response.status,
    refusal: refused,
    traceId: response.headers.get('x-ongoingai-trace-id') ?? '',
    upstream: sent.get(id),
    client,
  }
}

async function askAll(url: string, cells: readonly Cell[]): Promise<Map<Cell, Got>> {
  const got = new Map<Cell, Got>()
  const waiting = [...cells]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let cell = waiting.pop(); cell; cell = waiting.pop()) got.set(cell, await ask(url, cell))
    }),
  )
  return got
}

type Stored = Map<string, { readonly request: Uint8Array | null; readonly response: Uint8Array | null }>

function storedIn(folder: string): Stored {
  const database = new Database(join(folder, 'data/traces.db'), { readonly: true })
  const rows = database
    .query('SELECT id, request_body, response_body FROM traces LEFT JOIN trace_bodies USING (seq)')
    .all() as { id: string; request_body: Uint8Array | null; response_body: Uint8Array | null }[]
  database.close()
  return new Map(rows.map((row) => [row.id, { request: row.request_body, response: row.response_body }]))
}

/** What is wrong with the stored copy of a cell. */
function storedProblem(cell: Cell, { stored, uninspectable }: Mode, got: Got, all: Stored): string {
  const copy = all.get(got.traceId)
  if (!copy) return 'not stored'
  const own = cell.direction === 'response' ? copy.response : copy.request
  if (stored === 'as it is')
    return own && Buffer.compare(own, cell.bytes) === 0 ? '' : 'stored as something else'
  if (cell.mark === '' || (cell.content.seen === 'never' && uninspectable === 'allow')) return ''
  return [copy.request, copy.response].some((bytes) => bytes && holds(bytes, cell.mark)) ? 'stored raw' : ''
}

const TOTAL = MODES.reduce((sum, one) => sum + cellsOf(one).length, 0)

for (const one of MODES) {
  const cells = cellsOf(one)
  test(`pii {${one.settings}}: each of ${cells.length} cells of ${TOTAL} is as the mode says, on its way and in the store`, async () => {
    byId.clear()
    sent.clear()
    for (const cell of cells) byId.set(cell.id, cell)
    const gateway = await openGateway(
      `${providersAt(upstream.url)}tracing: {capture_bodies: true}\npii: {${one.settings}}\n`,
    )
    try {
      const got = await askAll(gateway.url, cells)
      await gateway.gateway.stop(10_000)
      const stored = storedIn(gateway.folder)
      const problems: string[] = []
      for (const [cell, came] of got) {
        for (const problem of [problemOf(cell, one, came), storedProblem(cell, one, came, stored)])
          if (problem !== '') problems.push(`${cell.name}: ${problem}`)
      }
      expect(problems).toEqual([])
      expect(got.size).toBe(cells.length)
    } finally {
      await gateway.gateway.stop(0)
      rmSync(gateway.folder, { recursive: true, force: true })
    }
  })
}
