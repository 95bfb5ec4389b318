import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { topLevelSpans, valueAt, walkTopLevel } from './spans.ts'

const NAMES = ['model', 'usage', 'é"', '']

test('any JSON object gives the values that JSON.parse gives, and spans without blanks around them', () => {
  const names = fc.constantFrom(...NAMES, 'other')
  const members = fc.array(fc.tuple(names, fc.jsonValue({ maxDepth: 3 })), { maxLength: 6 })
  fc.assert(
    fc.property(members, fc.constantFrom('', ' ', '\r\n\t'), (list, blank) => {
      const member = ([name, value]: [string, unknown]): string =>
        [JSON.stringify(name), ':', JSON.stringify(value, null, blank)].join(blank)
      const text = `${blank}{${blank}${list.map(member).join(`${blank},${blank}`)}${blank}}${blank}`
      const json = Buffer.from(text)
      const parsed = JSON.parse(text) as Record<string, unknown>
      const spans = topLevelSpans(json, NAMES)
      for (const name of NAMES) expect(valueAt(json, spans.get(name))).toEqual(parsed[name])
      for (const { start, end } of spans.values())
        expect(json.toString('utf8', start, end)).toBe(json.toString('utf8', start, end).trim())
      const shown: string[] = []
      expect(walkTopLevel(json, (name) => shown.push(name))).toBe(true)
      expect(shown).toEqual(list.map(([name]) => name))
    }),
  )
})

test('an object that is cut off anywhere is not followed to its end', () => {
  const json = Buffer.from('{"a":"x\\"y","model": [1,{"b":"]"}] ,"n":-1.5e3}')
  for (let end = 0; end < json.length; end++)
    expect(walkTopLevel(json.subarray(0, end), () => undefined)).toBe(false)
  expect(walkTopLevel(json, () => undefined)).toBe(true)
})

test('what is no object, or breaks off into none, is not followed to its end', () => {
  for (const text of [
    '',
    'null',
    '[{"a":1}]',
    '{"a"}',
    '{a:1}',
    '{"a" 1}',
    '{"a":1]',
    '{"a":1,,"b":2}',
    '{"a":"b""c":1',
    '{"a":1 "model":"b"}',
    '{"a":[/*"*/],"model":"b","c":[/*"*/]}',
    '{"a":[#"\n],"model":"b","c":[#"\n]}',
    `{"a":['"'],"model":"b","c":['"']}`,
  ])
    expect([text, walkTopLevel(Buffer.from(text), () => undefined)]).toEqual([text, false])
})

test('a member behind a missing comma hides in no other value', () => {
  const json = Buffer.from('{"model":"a" "model":"b"}')
  expect(valueAt(json, topLevelSpans(json, ['model']).get('model'))).toBeUndefined()
})
