import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ServedCall } from '../../providers/dialects/dialect.ts'
import { jsonForCall } from './rewrite-members.ts'

const INVOKE: ServedCall = {
  path: '/model/{model}/invoke',
  without: ['model', 'stream'],
  with: { anthropic_version: 'bedrock-2023-05-31' },
  listsOf: { anthropic_beta: 'anthropic-beta' },
}
const VERSION = '"anthropic_version":"bedrock-2023-05-31"'

function rewritten(text: string, fields: Record<string, string> = {}, call = INVOKE): [string, string[]] {
  const { json, changed } = jsonForCall(Buffer.from(text), call, fields, 'm')
  return [Buffer.from(json).toString('utf8'), [...changed]]
}

test.each([
  ['{"model":"fast","max_tokens":1}', `{${VERSION},"max_tokens":1}`],
  ['{"max_tokens":1,"model":"fast"}', `{${VERSION},"max_tokens":1}`],
  ['{ "max_tokens" : 1 , "model":"fast" }', `{ ${VERSION},"max_tokens" : 1 }`],
  ['{"a":1,\n "model":"fast",\n "b":2}', `{${VERSION},"a":1,\n "b":2}`],
  ['{"model":"fast"}', `{${VERSION}}`],
  ['{"stream":false,"model":"fast"}', `{${VERSION}}`],
  ['{"a":[{"model":1}],"model":"x","stream":false}', `{${VERSION},"a":[{"model":1}]}`],
  ['{"model":"x","a":1,"stream":false,"b":2}', `{${VERSION},"a":1,"b":2}`],
  ['{"m\\u006fdel":"x","a,{":1,"MODEL":"y"}', `{${VERSION},"a,{":1}`],
])('%s becomes %s', (before, after) => {
  expect(rewritten(before)[0]).toBe(after)
})

test('what the request has is not added, and what changed is named', () => {
  expect(rewritten('{"model":"x","anthropic_version":"own","stream":false}')).toEqual([
    '{"anthropic_version":"own"}',
    ['model', 'stream'],
  ])
  expect(rewritten('{"a":1,"model":"x"}', { 'anthropic-beta': 'one, two,' })).toEqual([
    `{${VERSION},"anthropic_beta":["one","two"],"a":1}`,
    ['model', 'anthropic_version', 'anthropic_beta'],
  ])
  expect(rewritten('{"anthropic_beta":[],"anthropic_version":"own"}', { 'anthropic-beta': 'one' })).toEqual([
    '{"anthropic_beta":[],"anthropic_version":"own"}',
    [],
  ])
})

test('a model that stays gets the target’s name', () => {
  const count: ServedCall = { path: '/count', without: [], with: {} }
  expect(rewritten('{"model":"fast","a":1}', {}, count)).toEqual(['{"model":"m","a":1}', ['model']])
  expect(rewritten('{"model":"m","a":1}', {}, count)).toEqual(['{"model":"m","a":1}', []])
})

test('what is no JSON object stays', () => {
  for (const text of ['', '[]', '{}', '{"model":', '"model"']) expect(rewritten(text)).toEqual([text, []])
})

test('every other member of any JSON keeps its value', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('model', 'stream')), fc.jsonValue(), {
        minKeys: 1,
      }),
      fc.constantFrom(0, 2),
      (object, indent) => {
        const [text] = rewritten(JSON.stringify(object, null, indent))
        const expected: Record<string, unknown> = { anthropic_version: 'bedrock-2023-05-31', ...object }
        for (const name of Object.keys(expected))
          if (name === 'stream' || /^model$/i.test(name)) delete expected[name]
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(expected)))
      },
    ),
  )
})
