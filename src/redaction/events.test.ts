import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { through } from '../../test/support/redacted-stream.ts'
import { SETTINGS } from '../../test/support/redaction-settings.ts'
import { judgeBody } from './bodies.ts'
import { EventFraming } from '../wire/framing/event-framing.ts'
import { EventRedactor } from './event-redactor.ts'
import { ReversiblePlaceholders } from './placeholders.ts'
import { Redaction } from './redaction.ts'
import { restoringRules } from './restore.ts'
import { judgeText } from './text-rules.ts'
import { applyEdits } from './edits.ts'

const tenant = { organizationId: 'o', workspaceId: 'w' }
const RULES = new Redaction(SETTINGS).rulesOf(tenant)

interface Format {
  /** A stream that gives a text in pieces. */
  readonly stream: (pieces: readonly string[]) => string
  /** The text of a stream. */
  readonly read: (stream: string) => string
}

/** What stands at a place of an event; empty for nothing. */
function textAt(event: unknown, ...steps: readonly (string | number)[]): string {
  let value = event
  for (const step of steps) value = (value as Record<string | number, unknown> | undefined)?.[step]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

const data = (stream: string): unknown[] =>
  [...stream.matchAll(/^data: ?(\{.*\})\r?$/gm)].map((match) => JSON.parse(match[1]!) as unknown)

const FORMATS: Record<string, Format> = {
  chat: {
    stream: (pieces) =>
      [
        ...pieces.map(
          (content, i) =>
            `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{${i === 0 ? '"role":"assistant",' : ''}"content":${JSON.stringify(content)}},"finish_reason":null}]}\n\n`,
        ),
        'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: {"choices":[],"usage":{"total_tokens":1700000000}}\n\ndata: [DONE]\n\n',
      ].join(''),
    read: (stream) =>
      data(stream)
        .map((event) => textAt(event, 'choices', 0, 'delta', 'content'))
        .join(''),
  },
  'chat, tool call': {
    stream: (pieces) =>
      `${pieces.map((piece) => `data: {"choices":[{"delta":{"tool_calls":[{"function":{"arguments":${JSON.stringify(piece)}},"index":1}]},"index":2}]}\n\n`).join('')}data: [DONE]\n\n`,
    read: (stream) =>
      data(stream)
        .map((event) => textAt(event, 'choices', 0, 'delta', 'tool_calls', 0, 'function', 'arguments'))
        .join(''),
  },
  messages: {
    stream: (pieces) =>
      [
        'event: message_start\r\ndata: {"type":"message_start","message":{"id":"m","content":[]}}\r\n\r\n',
        'event: content_block_start\r\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\r\n\r\n',
        ': a comment\r\n\r\n',
        ...pieces.map(
          (text) =>
            `event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":${JSON.stringify(text)}}}\r\n\r\n`,
        ),
        'event: content_block_stop\r\ndata: {"type":"content_block_stop","index":0}\r\n\r\nevent: message_stop\r\ndata: {"type":"message_stop"}\r\n\r\n',
      ].join(''),
    read: (stream) =>
      data(stream)
        .map((event) => textAt(event, 'delta', 'text'))
        .join(''),
  },
  'messages, tool input': {
    stream: (pieces) =>
      pieces
        .map(
          (piece) =>
            `event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":${JSON.stringify(piece)}}}\n\n`,
        )
        .join(''),
    read: (stream) =>
      data(stream)
        .map((event) => textAt(event, 'delta', 'partial_json'))
        .join(''),
  },
  responses: {
    stream: (pieces) =>
      `${pieces.map((delta, i) => `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":${i},"item_id":"msg_1","output_index":0,"content_index":0,"delta":${JSON.stringify(delta)}}\n\n`).join('')}event: response.output_text.done\ndata: {"type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":${JSON.stringify(pieces.join(''))}}\n\n`,
    read: (stream) =>
      data(stream)
        .map((event) => textAt(event, 'delta'))
        .join(''),
  },
  gemini: {
    stream: (pieces) =>
      pieces
        .map(
          (text) =>
            `data: {"candidates": [{"content": {"parts": [{"text": ${JSON.stringify(text)}}],"role": "model"}}]}\r\n\r\n`,
        )
        .join(''),
    read: (stream) =>
      data(stream)
        .map((event) => textAt(event, 'candidates', 0, 'content', 'parts', 0, 'text'))
        .join(''),
  },
}

const SECRETS = [
  'alice@example.com',
  '+44 20 7946 0958',
  '4111 1111 1111 1111',
  'sk-proj-abcdefghijklmnopqrstuvwxyz',
  'DE89 3704 0044 0532 0130 00',
  '123-45-6789',
]

/** A text with values in it, cut into pieces anywhere. */
const cutText = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.constantFrom(...SECRETS),
        fc.string({
          unit: fc.constantFrom('a', ' ', '"', '\\', '\n', 'é', '😀', '1', '.', '-', 'IBAN DE', '+', '@'),
          maxLength: 20,
        }),
      ),
      { maxLength: 6 },
    ),
    fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 }),
  )
  .map(([parts, sizes]) => {
    const text = `Dear ${parts.join(' ')}`
    const pieces: string[] = []
    for (let at = 0, i = 0; at < text.length; i++) {
      const size = sizes[i % sizes.length]!
      pieces.push(text.slice(at, at + size))
      at += size
    }
    return { text, pieces }
  })

describe.each(Object.keys(FORMATS).filter((name) => !name.includes('tool')))('%s', (name) => {
  const { stream, read } = FORMATS[name]!

  test('text over several events is redacted as if it were one, event by event', () => {
    fc.assert(
      fc.property(cutText, ({ text, pieces }) => {
        const before = stream(pieces)
        const after = through([Buffer.from(before)], RULES).toString()
        expect(read(after)).toBe(applyEdits(text, judgeText(text, RULES)))
        // The same events in the same order; of those that carry text, nothing but the text has changed.
        const shape = (all: string): string[] =>
          all
            .split(/(?<=\n\r?\n)/)
            .map((event) => event.replaceAll(/"(?:content|text|delta)": ?"(?:[^"\\]|\\.)*"/g, ''))
        expect(shape(after)).toEqual(shape(before))
      }),
      { numRuns: 150 },
    )
  })

  test('cut at every byte it comes out the same', () => {
    const bytes = Buffer.from(
      stream(['Hi alice@exa', 'mple.com', ', é😀 call +44 20', ' 7946 09', '58 or 123-', '45-6789']),
    )
    const whole = through([bytes], RULES)
    for (const secret of SECRETS) expect(read(whole.toString())).not.toContain(secret)
    for (let cut = 1; cut < bytes.length; cut++)
      expect(through([bytes.subarray(0, cut), bytes.subarray(cut)], RULES).equals(whole)).toBe(true)
    expect(
      through(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        RULES,
      ).equals(whole),
    ).toBe(true)
    // The store's copy is made of it at once, and is the same.
    const stored = judgeBody(bytes, 'text/event-stream', RULES)
    if (stored.kind !== 'judged') throw new Error(stored.reason)
    expect(Buffer.from(stored.content).equals(whole)).toBe(true)
  })

  test('a stream in which nothing is found stays as it is, byte for byte', () => {
    const bytes = Buffer.from(stream(['No', 'thing to ', 'see, ', 'in 3 ', 'parts']))
    expect(through([bytes], RULES).equals(bytes)).toBe(true)
  })
})

describe.each(['chat, tool call', 'messages, tool input'])('%s', (name) => {
  const { stream, read } = FORMATS[name]!
  const input = {
    to: 'alice@example.com',
    password: 'hun"ter\n2',
    count: 4155551212,
    note: 'line\nbob@example.org',
    nested: { secret: [1, { a: 'b' }] },
    last: '😀',
  }

  test('what tools are called with is JSON, and stays JSON', () => {
    const text = JSON.stringify(input)
    for (let size = 1; size <= 40; size++) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!
      const out = JSON.parse(read(through([Buffer.from(stream(pieces))], RULES).toString())) as typeof input
      expect(out).toEqual({
        to: expect.stringMatching(/^\[EMAIL_REDACTED:\w{16}\]$/) as string,
        password: expect.stringMatching(/^\[FIELD_REDACTED:\w{16}\]$/) as string,
        count: 4155551212,
        note: expect.stringMatching(/^line\n\[EMAIL_REDACTED:\w{16}\]$/) as string,
        nested: { secret: expect.stringMatching(/^\[FIELD_REDACTED:\w{16}\]$/) as never },
        last: '😀',
      })
    }
  })

  test('what was taken out reversibly comes back, whatever the model makes of it', () => {
    const placeholders = new ReversiblePlaceholders('')
    placeholders.of('EMAIL', 'alice@example.com')
    placeholders.of('TOKEN', 'a "quoted"\nkey')
    const rules = restoringRules(new Map(placeholders.values()))
    const text = JSON.stringify({ to: '[EMAIL_1]', array: ['[TOKEN_1]', '[EMAIL_2]', '[EMAIL_1', '[['] })
    for (let size = 1; size <= 20; size++) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!
      expect(JSON.parse(read(through([Buffer.from(stream(pieces))], rules).toString()))).toEqual({
        to: 'alice@example.com',
        array: ['a "quoted"\nkey', '[EMAIL_2]', '[EMAIL_1', '[['],
      })
    }
  })
})

test('several texts at once do not run into each other', () => {
  const chunk = (index: number, content: string): string =>
    `data: {"choices":[{"index":${index},"delta":{"content":${JSON.stringify(content)}}}]}\n\n`
  const stream = [
    chunk(0, 'alice@'),
    chunk(1, 'bob@exam'),
    chunk(0, 'example.com'),
    chunk(1, 'ple.org!'),
  ].join('')
  const out = data(through([Buffer.from(stream)], RULES).toString())
  const text = (index: number): string =>
    out
      .filter((event) => textAt(event, 'choices', 0, 'index') === String(index))
      .map((event) => textAt(event, 'choices', 0, 'delta', 'content'))
      .join('')
  expect(text(0)).toMatch(/^\[EMAIL_REDACTED:\w{16}\]$/)
  expect(text(1)).toMatch(/^\[EMAIL_REDACTED:\w{16}\]!$/)
})

test('events wait for what they carry, and for nothing else', () => {
  const events = new EventFraming('sse')
  const redactor = new EventRedactor(RULES)
  const give = (content: string): number =>
    events
      .write(
        Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}}}]}\n\n`),
      )
      .flatMap((event) => redactor.take(event)).length
  expect(give('Hello')).toBe(0)
  expect(give(' world')).toBe(1)
  expect(give(', and ')).toBe(2)
  expect(give('more ')).toBe(1)
  expect(give('a'.repeat(5000))).toBe(0)
  // However long a word is, it is not waited for for ever.
  expect(give('a'.repeat(30_000))).toBe(1)
})

test('a long value of a denied name is not held for as long as it is', () => {
  const events = new EventFraming('sse')
  const redactor = new EventRedactor(RULES)
  const give = (text: string): number => {
    const piece = JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })
    return events.write(Buffer.from(`data: ${piece}\n\n`)).flatMap((event) => redactor.take(event)).length
  }
  let held = give('{"note":"a ","secret":"') === 0 ? 1 : 0
  for (let i = 0; i < 400; i++) held += 1 - give('0123456789')
  // A few thousand characters wait, and then each goes as it comes.
  expect(held).toBeLessThan(250)
  for (let i = 0; i < 100; i++) expect(give('0123456789')).toBe(1)
  expect(redactor.counts).toEqual({ field_name: 1 })
})

test('a value of a denied name that never ends is hidden as it comes', () => {
  const stream = FORMATS['chat, tool call']!.stream([
    '{"password":"',
    ...Array.from({ length: 20 }, () => 'x'.repeat(3000)),
    '","a":"b"}',
  ])
  const out = FORMATS['chat, tool call']!.read(through([Buffer.from(stream)], RULES).toString())
  expect(out).toMatch(/^\{"password":"\[FIELD_REDACTED:\w{16}\]","a":"b"\}$/)
})

test('events that are none, data over several lines, and bytes that are no text', () => {
  const stream =
    'data: plain alice@example.com\n\ndata: {"a":\ndata: "bob@example.org"}\r\rretry: 5\n\n\n\ndata\n\n: x\ndata:{"b":"carol@example.com"}'
  expect(
    through([Buffer.from(stream)], RULES)
      .toString()
      .replaceAll(/\w{16}\]/g, '#]'),
  ).toBe(
    'data: plain [EMAIL_REDACTED:#]\n\ndata: {"a":\ndata: "[EMAIL_REDACTED:#]"}\r\rretry: 5\n\n\n\ndata\n\n: x\ndata:{"b":"[EMAIL_REDACTED:#]"}',
  )
  const bytes = Buffer.concat([
    Buffer.from('data: {"a":"'),
    Buffer.from([0xff]),
    Buffer.from(' a@b.com"}\n\n'),
  ])
  const out = through([bytes], RULES)
  expect(out.subarray(0, 14).equals(bytes.subarray(0, 14))).toBe(true)
  expect(out.toString('latin1')).toContain('[EMAIL_REDACTED:')
})
