import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { judgeBody } from './bodies.ts'
import { applyEdits } from './edits.ts'
import { ReversiblePlaceholders } from './placeholders.ts'
import { Redaction } from './redaction.ts'
import { restoringRules } from './restore.ts'
import type { RedactionSettings } from './settings.ts'
import { judgeJson } from './text-rules.ts'
import { SETTINGS } from '../../test/support/redaction-settings.ts'

const tenant = { organizationId: 'o', workspaceId: 'w' }

function redact(
  text: string,
  settings: Partial<RedactionSettings> = {},
  mediaType = 'application/json',
): string {
  const verdict = judgeBody(
    Buffer.from(text),
    mediaType,
    new Redaction({ ...SETTINGS, ...settings }).rulesOf(tenant),
  )
  if (verdict.kind === 'uninspectable') throw new Error(verdict.reason)
  return Buffer.from(verdict.content)
    .toString()
    .replaceAll(/[0-9a-f]{16}\]/g, '#]')
}

/** Values that somebody must not see, and texts around them. */
const planted = fc.constantFrom(
  'alice@example.com',
  '415-555-1212',
  '4111111111111111',
  'ghp_abcd1234efgh5678',
  'DE89370400440532013000',
)
const words = fc.string({
  unit: fc.constantFrom('a', ' ', '"', '\\', '\n', 'é', '😀', '\u0001', '\u2028', 'z.', ':', '{', '1'),
  maxLength: 12,
})
const said = fc.oneof(
  words,
  fc.tuple(words, planted, words).map(([a, value, b]) => `${a} ${value} ${b}`),
)
const names = fc.oneof(words, fc.constantFrom('email', 'Pass-Word', 'content', 'max_tokens', 'properties'))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    said,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(names, tie('any'), { maxKeys: 4 }),
    tie('any').map((inner) => JSON.stringify(inner)),
  ),
})).any
/** The same value written in other ways. */
const document = fc.tuple(value, fc.constantFrom(0, 1, '\t'), fc.boolean()).map(([any, space, escape]) => {
  const text = JSON.stringify(any, null, space)
  return escape ? text.replaceAll('@', '\\u0040').replaceAll('/', '\\/') : text
})

test('whatever the document: undoing the replacements gives back its bytes, and nothing else has changed', () => {
  fc.assert(
    fc.property(document, (text) => {
      const { edits } = judgeJson(text, new Redaction(SETTINGS).rulesOf(tenant))
      const out = applyEdits(text, edits)
      let shift = 0
      const undo = edits.map(({ start, end, replacement }) => {
        const at = start + shift
        shift += replacement.length - (end - start)
        return { start: at, end: at + replacement.length, name: '', replacement: text.slice(start, end) }
      })
      expect(applyEdits(out, undo)).toBe(text)
      expect(out).not.toContain('alice@example.com')
      const numbers = (json: string): string[] =>
        json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').match(/[-\d.e+]+/g) ?? []
      // What is under a denied name goes with everything in it.
      if (!/"(?:email|Pass-Word)"/.test(text)) expect(numbers(out)).toEqual(numbers(text))
      JSON.parse(out)
    }),
    { numRuns: 1000 },
  )
})

test('whatever the document: what was taken out reversibly can be put back', () => {
  fc.assert(
    fc.property(value, (any) => {
      const text = JSON.stringify(any)
      const placeholders = new ReversiblePlaceholders(text)
      const rules = { ...new Redaction({ ...SETTINGS, deniedNames: [] }).rulesOf(tenant), placeholders }
      const hidden = applyEdits(text, judgeJson(text, rules).edits)
      const back = judgeJson(hidden, restoringRules(new Map(placeholders.values())))
      expect(JSON.parse(applyEdits(hidden, back.edits))).toEqual(JSON.parse(text))
    }),
    { numRuns: 500 },
  )
})

describe('what carries text', () => {
  test('JSON within strings, as deep as tool calls have it', () => {
    const text = JSON.stringify({
      arguments: JSON.stringify({
        to: 'alice@example.com',
        password: 'pä"ss',
        n: 1,
        raw: JSON.stringify({ secret: 'x' }),
      }),
    })
    expect(JSON.parse((JSON.parse(redact(text)) as { arguments: string }).arguments)).toEqual({
      to: '[EMAIL_REDACTED:#]',
      password: '[FIELD_REDACTED:#]',
      n: 1,
      raw: '{"secret":"[FIELD_REDACTED:#]"}',
    })
  })

  test('a tool’s parameter may have any name; a value may not', () => {
    const schema =
      '{"parameters":{"type":"object","properties":{"email":{"type":"string"},"token":{"type":"string"}},"required":["email"]}}'
    expect(redact(schema)).toBe(schema)
    expect(redact('{"properties":{"email":"x"},"email":{"a":1}}')).toBe(
      '{"properties":{"email":"[FIELD_REDACTED:#]"},"email":"[FIELD_REDACTED:#]"}',
    )
  })

  test('the tokens of an answer with their probabilities stay', () => {
    const text = '{"logprobs":{"content":[{"token":"Hello","logprob":-0.1,"top_logprobs":[{"token":"Hi"}]}]}}'
    expect(redact(text)).toBe(text)
  })

  test('places', () => {
    const deniedPaths = ['messages[*].content', 'metadata.*', '$.input.name']
    expect(
      redact(
        '{"messages":[{"content":"a","role":"b"},{"content":[1]}],"metadata":{"x":"y","z":{"q":"r"}},"input":{"name":"n"},"name":"m"}',
        { deniedPaths },
      ),
    ).toBe(
      '{"messages":[{"content":"[FIELD_REDACTED:#]","role":"b"},{"content":"[FIELD_REDACTED:#]"}],"metadata":{"x":"[FIELD_REDACTED:#]","z":"[FIELD_REDACTED:#]"},"input":{"name":"[FIELD_REDACTED:#]"},"name":"m"}',
    )
  })

  test('fields of forms', () => {
    const out = redact(
      'a=1&mail=alice%40example.com&password=x+y&b=%zz',
      {},
      'application/x-www-form-urlencoded',
    )
    expect(out).toMatch(
      /^a=1&mail=%5BEMAIL_REDACTED%3A[0-9a-f]{16}%5D&password=%5BFIELD_REDACTED%3A[0-9a-f]{16}%5D&b=%zz$/,
    )
  })

  test('lines of JSON', () => {
    expect(
      redact('{"a":"alice@example.com"}\r\n\n{"b":"x"}\n"415-555-1212"', {}, 'application/x-ndjson'),
    ).toBe('{"a":"[EMAIL_REDACTED:#]"}\r\n\n{"b":"x"}\n"[PHONE_REDACTED:#]"')
  })

  test('fields and files of text in multipart forms; others are counted and kept out', () => {
    const part = (head: string, content: string): string =>
      `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`
    const form = (...parts: string[]): string => `${parts.join('')}--b--\r\n`
    const audio = part(
      'name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg',
      '\u0001\u0002alice@example.com',
    )
    const verdict = judgeBody(
      Buffer.from(
        form(
          part('name="prompt"', 'from alice@example.com'),
          part('name="password"', 'hunter2'),
          part(
            'name="file"; filename="batch.jsonl"\r\nContent-Type: application/octet-stream',
            '{"email":"x","n":1}\n{"q":"415-555-1212"}\n',
          ),
          part('name="file"; filename="notes.txt"\r\nContent-Type: text/plain', 'card 4111 1111 1111 1111'),
          audio,
        ),
      ),
      'multipart/form-data',
      new Redaction(SETTINGS).rulesOf(tenant),
    )
    if (verdict.kind === 'uninspectable') throw new Error(verdict.reason)
    expect(verdict.uninspectable).toBe(1)
    expect(verdict.counts).toEqual({ email: 1, field_name: 2, phone: 1, credit_card: 1, uninspectable: 1 })
    expect(
      Buffer.from(verdict.content)
        .toString()
        .replaceAll(/[0-9a-f]{16}\]/g, '#]'),
    ).toBe(
      form(
        part('name="prompt"', 'from [EMAIL_REDACTED:#]'),
        part('name="password"', '[FIELD_REDACTED:#]'),
        part(
          'name="file"; filename="batch.jsonl"\r\nContent-Type: application/octet-stream',
          '{"email":"[FIELD_REDACTED:#]","n":1}\n{"q":"[PHONE_REDACTED:#]"}\n',
        ),
        part(
          'name="file"; filename="notes.txt"\r\nContent-Type: text/plain',
          'card [CREDIT_CARD_REDACTED:#]',
        ),
        part('name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg', '[UNINSPECTABLE_REDACTED:#]'),
      ),
    )
  })

  test('images within JSON are counted, and kept out where they may not pass', () => {
    const text = `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},{"type":"redacted_thinking","data":"${'QUJD'.repeat(30)}"}]}]}`
    const judge = (uninspectable: 'allow' | 'deny'): ReturnType<typeof judgeBody> =>
      judgeBody(
        Buffer.from(text),
        'application/json',
        new Redaction({ ...SETTINGS, uninspectable }).rulesOf(tenant),
      )
    expect(judge('allow')).toMatchObject({ kind: 'judged', uninspectable: 1, counts: {} })
    expect(judge('deny')).toMatchObject({ kind: 'judged', uninspectable: 1, counts: { uninspectable: 1 } })
  })

  test('words and patterns of the operator’s', () => {
    const custom = [
      { name: 'project', type: '', pattern: '', words: ['Falcon', 'Blue Moon', '計画'] },
      { name: 'employee', type: 'STAFF', pattern: 'EMP-\\d{6}', words: [] },
    ]
    expect(redact('["falcon and BLUE MOON, falconry, EMP-123456, 計画!"]', { custom })).toBe(
      '["[PROJECT_REDACTED:#] and [PROJECT_REDACTED:#], falconry, [STAFF_REDACTED:#], [PROJECT_REDACTED:#]!"]',
    )
    const broken = [{ name: 'x', type: '', pattern: '(?=a)', words: [] }]
    expect(() => new Redaction({ ...SETTINGS, custom: broken })).toThrow('invalid')
    expect(() => new Redaction({ ...SETTINGS, custom: [{ ...broken[0]!, pattern: 'a*' }] })).toThrow(
      'empty text',
    )
  })
})
