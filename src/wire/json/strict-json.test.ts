import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isStorable } from '../storable-text.ts'
import { parseStrictJson } from './strict-json.ts'

test('what is JSON, however it is spaced, is read as JSON.parse reads it', () => {
  let read = 0
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(0, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, null, space)
      // Escapes hide what they stand for.
      fc.pre(isStorable(text) && !/\\u(0000|d[89a-f])/i.test(text))
      read += 1
      expect(parseStrictJson(text)).toEqual(JSON.parse(text))
    }),
  )
  expect(read).toBeGreaterThan(50)
})

test.each([
  ['{"a":1,"a":2}', 'twice'],
  ['{"a":1,"\\u0061":2}', 'twice'],
  ['[{"b":{"c":1,"d":"}","c":1}}]', 'twice'],
  ['"\\u0000"', 'NUL'],
  ['{"\\ud800":1}', 'NUL'],
  ['["\\udc00\\ud800"]', 'NUL'],
  [`${'['.repeat(20)}${']'.repeat(20)}`, 'deeper'],
  ['{"a":', ''],
  ['{} {}', ''],
  ['\ufeff{}', ''],
  ['{"a":01}', ''],
  ['{"a":1,}', ''],
])('%s is refused', (text, message) => {
  expect(() => parseStrictJson(text)).toThrow(message)
})

test('pairs of surrogates, escaped quotes and braces in texts are texts', () => {
  for (const text of [
    '"\\ud83d\\ude00"',
    '{"a\\"":"\\\\","b":"]}{[,:"}',
    ' [ ] ',
    '[{},[],{"a":{}}]',
    '0',
    'null',
  ]) {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text))
  }
})
