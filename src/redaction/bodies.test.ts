import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { judgeBody } from './bodies.ts'
import { declaredFraming } from './body-kind.ts'
import { BodyStart } from './body-start.ts'
import { mergeEdits } from './edits.ts'
import { FramingSniffer } from '../wire/framing/framing-sniffer.ts'
import { ReversiblePlaceholders } from './placeholders.ts'
import { Redaction } from './redaction.ts'
import { SETTINGS } from '../../test/support/redaction-settings.ts'

const tenant = { organizationId: 'default', workspaceId: 'default' }
const RULES = new Redaction({ ...SETTINGS, uninspectable: 'allow' }).rulesOf(tenant)
const DENYING = new Redaction(SETTINGS).rulesOf(tenant)

const MAIL = 'jane.zqgkm@example.com'
const FRAGMENTS = [
  MAIL,
  'plain ',
  '\r\n',
  '\n',
  '\n\n',
  '--b',
  '--b\r\n',
  '\r\n--b\r\n',
  '\r\n--b--\r\n',
  '--bb\r\n',
  'Content-Disposition: form-data; name="x"\r\n\r\n',
  'Content-Disposition: form-data; name="x"; filename="y.txt"\r\n',
  'Content-Type: text/plain\r\n\r\n',
  'Content-Type: multipart/mixed; boundary=b\r\n\r\n',
  'data: ',
  'event: x\n',
  ': ',
  'id: 1\n',
  '{"a":"',
  '"}',
  '[',
  ']',
  '&',
  '=',
  '%40',
  '"',
]
const TYPES = [
  '',
  'application/json',
  'text/plain',
  'text/event-stream',
  'application/x-ndjson',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=b',
  'multipart/form-data',
  'application/octet-stream',
]
const made = (fragments: readonly string[]) =>
  fc.array(fc.constantFrom(...fragments), { maxLength: 14 }).map((parts) => parts.join(''))
const body = made(FRAGMENTS)

test('a value that stands in a body is taken out, whatever the body is made of and declared as', () => {
  fc.assert(
    fc.property(body, fc.constantFrom(...TYPES), (text, type) => {
      const verdict = judgeBody(Buffer.from(text), type, RULES)
      if (verdict.kind !== 'judged') throw new Error(verdict.reason)
      expect(Buffer.from(verdict.content).toString()).not.toContain('zqgkm')
      expect(Object.keys(verdict.counts).length > 0).toBe(text.includes(MAIL))
    }),
    { numRuns: 5000 },
  )
})

test('a body in which there is nothing to find stays the same object', () => {
  fc.assert(
    fc.property(
      body.map((text) => text.replaceAll(MAIL, 'nobody')),
      fc.constantFrom(...TYPES),
      fc.constantFrom(RULES, DENYING),
      (text, type, rules) => {
        const bytes = Buffer.from(text)
        const verdict = judgeBody(bytes, type, rules)
        if (verdict.kind === 'judged' && verdict.uninspectable === 0) expect(verdict.content).toBe(bytes)
      },
    ),
    { numRuns: 5000 },
  )
})

test('how a body is taken does not depend on how it is cut', () => {
  fc.assert(
    fc.property(
      made([...FRAGMENTS, '\0', '\u{feff}', 'x'.repeat(400)]),
      fc.constantFrom(...TYPES),
      fc.array(fc.nat(40), { maxLength: 8 }),
      (text, type, cuts) => {
        const bytes = Buffer.from(text)
        const whole = new BodyStart(type)
        const taken = whole.write(bytes) ?? whole.end()
        const start = new BodyStart(type)
        let at = 0
        let taking
        for (const cut of cuts) {
          taking ??= start.write(bytes.subarray(at, at + cut))
          at += cut
        }
        taking ??= start.write(bytes.subarray(at))
        expect(taking ?? start.end()).toBe(taken)
      },
    ),
    { numRuns: 5000 },
  )
})

test.each([
  ['data: x', '', 'sse'],
  ['da', '', 'undecided'],
  ['day', '', 'none'],
  ['event: x\n', 'application/json', 'sse'],
  [': a comment\n', '', 'undecided'],
  [': a comment\n', 'text/event-stream', 'sse'],
  ['id: 1\nname: x\n', '', 'none'],
  ['what is this\ndata: x', 'text/event-stream', 'sse'],
  ['{"a":1}\n', '', 'undecided'],
  ['{"a":1}\n{', '', 'lines'],
  ['{"a":1}\n', 'application/x-ndjson', 'lines'],
  ['{\n', 'application/x-ndjson', 'none'],
  ['[{\n', '', 'none'],
  ['{"a":1}', '', 'undecided'],
  ['\u{feff}data: x', '', 'sse'],
  ['\r\n\r\ndata: x', '', 'sse'],
  ['--b\r\n', '', 'none'],
])('the beginning %j of a body declared %j is %s', (text, type, wanted) => {
  const finder = new FramingSniffer(declaredFraming(type))
  expect<string>(finder.write(Buffer.from(text)) ?? 'undecided').toBe(wanted)
})

test('a name that is replaced keeps what tells the type of its file, and the form stays a form', () => {
  const header = (name: string): string =>
    `--b\r\nContent-Disposition: form-data; name="f"; ${name}\r\n\r\nx\r\n--b--\r\n`
  const judged = (name: string): string => {
    const verdict = judgeBody(Buffer.from(header(name)), 'multipart/form-data; boundary=b', RULES)
    if (verdict.kind !== 'judged') throw new Error(verdict.reason)
    return Buffer.from(verdict.content)
      .toString()
      .replaceAll(/:[0-9a-f]{16}/g, ':#')
      .replaceAll(/%3A[0-9a-f]{16}/g, '%3A#')
  }
  expect(judged(`filename="${MAIL}.mp3"`)).toBe(header('filename="[EMAIL_REDACTED:#].mp3"'))
  expect(judged(`filename="from ${MAIL} (2).pdf"`)).toBe(header('filename="from [EMAIL_REDACTED:#] (2).pdf"'))
  expect(judged(`filename*=utf-8'en'caf%C3%A9%20${MAIL.replace('@', '%40')}.csv`)).toBe(
    header("filename*=UTF-8''caf%C3%A9%20%5BEMAIL_REDACTED%3A#%5D.csv"),
  )
  expect(judged(`filename="=?utf-8?B?${Buffer.from(MAIL).toString('base64')}?="`)).toBe(
    header('filename="[EMAIL_REDACTED:#]"'),
  )
  expect(judged(`filename="plain.mp3"`)).toBe(header('filename="plain.mp3"'))
})

test('parts in base64 and quoted-printable are decoded, judged and encoded again', () => {
  const part = (encoding: string, content: string): string =>
    `--b\r\nContent-Disposition: form-data; name="f"\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}\r\n--b--`
  const judged = (encoding: string, content: string): string => {
    const verdict = judgeBody(Buffer.from(part(encoding, content)), 'multipart/form-data; boundary=b', RULES)
    if (verdict.kind !== 'judged') throw new Error(verdict.reason)
    const text = Buffer.from(verdict.content).toString()
    return text.slice(text.indexOf('\r\n\r\n') + 4, text.lastIndexOf('\r\n'))
  }
  const long = `${'é = '.repeat(40)}\r\n${MAIL}`
  const base64 = judged('base64', Buffer.from(long).toString('base64').replaceAll(/.{60}/g, '$&\r\n'))
  expect(Math.max(...base64.split('\r\n').map(({ length }) => length))).toBeLessThanOrEqual(76)
  const said = Buffer.from(base64, 'base64').toString()
  expect(said).toMatch(/^(?:é = ){40}\r\n\[EMAIL_REDACTED:\w{16}\]$/)
  const quoted = judged('quoted-printable', `caf=C3=A9 =3D=\r\n${MAIL}`)
  expect(quoted).toMatch(/^caf=C3=A9 =3D\[EMAIL_REDACTED:\w{16}\]$/)
  const lines = judged('Quoted-Printable', `${'=C3=A9'.repeat(60)} ${MAIL}`).split('\r\n')
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(76)
  expect(judgeBody(Buffer.from(part('x-uuencode', 'x')), 'multipart/form-data', DENYING)).toMatchObject({
    uninspectable: 1,
  })
})

test('parts in parts are looked into to a bound, and refused behind it', () => {
  let form = 'x'
  for (let i = 0; i < 2000; i++)
    form = `--b${i}\r\nContent-Type: multipart/mixed; boundary=b${i - 1}\r\n\r\n${form}\r\n--b${i}--`
  const verdict = judgeBody(Buffer.from(form), 'multipart/form-data; boundary=b1999', DENYING)
  expect(verdict).toMatchObject({ uninspectable: 1 })
})

test('what was cut off hides its end, in UTF-16 and in the last part of a form too', () => {
  const events = Buffer.from(`\u{feff}data: {"a":1}\n\ndata: {"b":"jane.zqgkm@exa`, 'utf16le')
  const form = Buffer.from('--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nMail jane.zqgkm@exa')
  for (const bytes of [events, form]) {
    const verdict = judgeBody(bytes, '', DENYING, true)
    if (verdict.kind !== 'judged') throw new Error(verdict.reason)
    expect(Buffer.from(verdict.content).toString('latin1').replaceAll('\0', '')).not.toContain('zqgkm')
  }
})

test('a data URL of text is read; media is counted, whatever JSON escapes', () => {
  const judged = (value: string, rules = RULES): unknown => {
    const verdict = judgeBody(Buffer.from(`{"x":"${value}"}`), 'application/json', rules)
    if (verdict.kind !== 'judged') throw new Error(verdict.reason)
    return [Buffer.from(verdict.content).toString().slice(6, -2), verdict.uninspectable]
  }
  const [text] = judged(`data:text/plain,Mail%20${MAIL.replace('@', '%40')}`) as [string]
  expect(decodeURIComponent(text)).toMatch(/^data:text\/plain,Mail \[EMAIL_REDACTED:\w{16}\]$/)
  const image = Buffer.from([137, 80, 78, 71, 0, 0, 255, 0]).toString('base64')
  expect(judged(`data:image\\/png;base64,${image}`)).toEqual([`data:image\\/png;base64,${image}`, 1])
  const lying = `data:image/png;base64,${Buffer.from(MAIL).toString('base64')}`
  expect(judged(lying, DENYING)).toMatchObject({ 1: 1 })
  const [seen] = judged(lying) as [string]
  expect(Buffer.from(seen.split(',')[1]!, 'base64').toString()).toMatch(/^\[EMAIL_REDACTED:\w{16}\]$/)
})

test('what is called sealed is only left alone if it is no text', () => {
  const judged = (data: string): unknown =>
    judgeBody(Buffer.from(JSON.stringify({ type: 'redacted_thinking', data })), '', DENYING)
  expect(judged(`Mail ${MAIL}`)).toMatchObject({ counts: { email: 1 } })
  expect(judged(Buffer.from(`Mail ${MAIL} `.repeat(5)).toString('base64'))).toMatchObject({
    counts: { email: 5 },
  })
  const seal = Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 37) % 256)).toString('base64')
  expect(judged(seal)).toMatchObject({ counts: {}, uninspectable: 0 })
})

test('an empty string and null under a denied name are nothing to hide, in a stream too', () => {
  const clean = [
    '{"password":null,"email":""}',
    'password=&email=',
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"password\\":\\"\\",\\"email\\":null}"}}\n\n',
  ]
  for (const text of clean) expect(judgeBody(Buffer.from(text), '', DENYING)).toMatchObject({ counts: {} })
})

test('edits of two readings become one where they overlap, and hide all that either hides', () => {
  const edit = (start: number, end: number, name: string) => ({ start, end, name, replacement: name })
  expect(mergeEdits([edit(2, 4, 'a')], [edit(0, 1, 'b'), edit(3, 6, 'c'), edit(7, 8, 'd')])).toEqual([
    edit(0, 1, 'b'),
    edit(2, 6, 'a'),
    edit(7, 8, 'd'),
  ])
  expect(mergeEdits([edit(3, 4, 'a')], [edit(2, 6, 'b')])).toEqual([edit(2, 6, 'a')])
})

const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64')
const AT = MAIL.replace('@', '\\u0040')
const [FIRST, REST] = [MAIL.slice(0, 14), MAIL.slice(14)]
const say = (content: string): string => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`
const call = (piece: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: piece } }] } }] })}\n\n`
const line = (content: string): string => `${JSON.stringify({ message: { content }, done: false })}\n`

test.each<[string, string]>([
  ['JSON with a comment', `/* a */ {"a":"${AT}"}`],
  ['JSON behind what keeps scripts from reading it', `)]}'\n{"a":"${AT}"}`],
  ['JSON in single quotes', `{'a':'${AT}'}`],
  ['JSON with a wrong escape', `{"a":"${AT} \\x \\u12"}`],
  ['JSON with a line break in a string', `{"a":"${AT} \n"}`],
  ['JSON in prose', JSON.stringify({ a: `so:\n{"to":"${AT}"}` })],
  ['JSON in JSON in prose', JSON.stringify({ a: `so: ${JSON.stringify(`{"to":"${AT}"}`)}` })],
  ['a URL in JSON', JSON.stringify({ a: `https://a.test/?to=${MAIL.replace('@', '%40')}` })],
  ['a URL in a URL', JSON.stringify({ a: `https://a.test/?to=${MAIL.replace('@', '%2540')}` })],
  ['XML', `<a>${MAIL.replace('@', '&#64;')}</a>`],
  ['HTML', JSON.stringify({ a: MAIL.replace('@', '&amp;#x40;').replace('.', '&period;') })],
  ['JavaScript', `"${MAIL.replace('@', '\\x40')}" "\\u{40}"`],
  ['a form with a wrong escape', `a=${MAIL.replace('@', '%40')}+100%&b=2`],
  ['a form that is not UTF-8', `a=${MAIL.replace('@', '%40')}%ff&b=2`],
  ['a data URL with a wrong escape', JSON.stringify({ a: `data:text/plain,${MAIL.replace('@', '%40')}%ff` })],
  [
    'a data URL with long parameters',
    JSON.stringify({ a: `data:text/plain;x=${'x'.repeat(300)};base64,${base64(`Mail ${MAIL}`)}` }),
  ],
  [
    'base64 with spaces',
    JSON.stringify({ a: `\n${base64(`Mail ${MAIL}`).replaceAll(/.{4}/g, '$& \r\n\t')}` }),
  ],
  ['base64 with too much padding', JSON.stringify({ a: `${base64(`Mail ${MAIL} `)}====` })],
  ['base64 of UTF-16', JSON.stringify({ a: base64(Buffer.from(`Mail ${MAIL}`, 'utf16le')) })],
  ['base64 of Latin-1', JSON.stringify({ a: base64(Buffer.from(`é ${MAIL}`, 'latin1')) })],
  [
    'a call that begins with a space',
    call(' ') + call(`{"to":"${AT.slice(0, 17)}`) + call(`${AT.slice(17)}"}`),
  ],
  ['an escape over two events', say(`so: "${AT.slice(0, 15)}`) + say(AT.slice(15)) + say('" is it')],
  ['lines that begin with a mark', `\u{feff}${line(FIRST)}${line(REST)}${line(' is it')}`],
  ['events behind lines of JSON', `{"a":1}\n{"b":2}\n${say(FIRST)}${say(REST)}${say(' is it')}`],
])('a value is taken out of %s', (_, text) => {
  for (const type of ['application/json', 'text/plain', 'text/event-stream', 'application/x-ndjson']) {
    const verdict = judgeBody(Buffer.from(text), type, DENYING)
    if (verdict.kind !== 'judged') throw new Error(verdict.reason)
    const left = Buffer.from(verdict.content).toString()
    expect([type, verdict.counts['email'] ?? 0, left.includes('zqgkm'), left.includes(REST)]).toEqual([
      type,
      1,
      false,
      false,
    ])
  }
})

test('a charset that is one of two does not pass for the other', () => {
  const mail = Buffer.from('Mail jane+AEA-example.com')
  for (const type of [
    'text/plain;charset=utf-8;charset=utf-7',
    'text/plain; charset*=utf-7; charset="utf-8"',
  ])
    expect(judgeBody(mail, type, DENYING)).toMatchObject({ kind: 'uninspectable' })
  expect(judgeBody(mail, 'text/plain;charset=UTF-8; charset="utf-8"', DENYING)).toMatchObject({
    kind: 'judged',
  })
})

test.each(['[EMP2_1]', '{"a":"[EMP2\\u005f1]"}', '%5BEMP2_1%5D'])(
  'a placeholder that stands in %s already is made for no value',
  (text) => {
    expect(new ReversiblePlaceholders(text).of('emp2', 'x')).toBe('[EMP2_1X1]')
  },
)
