import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readContent } from '../request/named-models.ts'
import { formWithModel, jsonWithModel, pathWithModel } from './rewrite-model.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

test.each([
  ['{"model":"fast"}', '{"model":"new"}'],
  ['\ufeff { "a":1e3 ,\t"model" : "fast" , "b":[ ]}\n', '\ufeff { "a":1e3 ,\t"model" : "new" , "b":[ ]}\n'],
  [
    '{"model":"fast","x":{"model":"fast"},"model":"fast"}',
    '{"model":"new","x":{"model":"fast"},"model":"new"}',
  ],
  ['{"mod\\u0065l":"f\\u0061st"}', '{"mod\\u0065l":"new"}'],
  ['{"Model":"fast"}', '{"Model":"new"}'],
  ['{"model":null}', '{"model":"new"}'],
  ['{"models":["fast"]}', '{"models":["fast"]}'],
  ['[{"model":"fast"}]', '[{"model":"fast"}]'],
])('%s becomes %s', (before, after) => {
  expect(Buffer.from(jsonWithModel(bytes(before), 'new')).toString()).toBe(after)
})

test('only the value of the model changes in any JSON, and every reader then sees the new one', () => {
  const value = fc.jsonValue()
  const members = fc.dictionary(
    fc.string().filter((name) => !/^models?$/iu.test(name)),
    value,
  )
  fc.assert(
    fc.property(
      members,
      members,
      fc.string({ minLength: 1 }),
      fc.string({ minLength: 1 }),
      (a, b, old, model) => {
        const [before, after] = [JSON.stringify(a).slice(1, -1), JSON.stringify(b).slice(1, -1)]
        const text = (name: string) =>
          `{${[before, `"model": ${JSON.stringify(name)} `, after].filter(Boolean).join(',')}}`
        const written = jsonWithModel(bytes(text(old)), model)
        expect(Buffer.from(written).toString()).toBe(text(model))
        const { modelAt } = readContent(bytes(text(old)), 'application/json')
        if (modelAt) expect(jsonWithModel(bytes(text(old)), model, modelAt)).toEqual(written)
        expect(readContent(written, 'application/json').asked).toEqual(
          readContent(bytes(text(model)), 'application/json').asked,
        )
      },
    ),
  )
})

const part = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`

test('only the field of the model changes in a form; a repeated one everywhere', () => {
  const type = 'multipart/form-data; boundary=b'
  fc.assert(
    fc.property(fc.uint8Array(), fc.stringMatching(/^[\w/.-]{1,40}$/), (file, model) => {
      const content = Buffer.from(file).toString('latin1')
      fc.pre(!content.includes('\n--b'))
      const form = (name: string) =>
        Buffer.from(
          `${part('prompt', 'model')}${part('model', name)}${part('file', content)}${part('model', name)}--b--\r\n`,
          'latin1',
        )
      expect(Buffer.from(formWithModel(form('old'), type, model)).equals(form(model))).toBe(true)
    }),
  )
})

test('a form that readers read differently stays as it is', () => {
  const form = bytes(`${part('model', 'old').replaceAll('\r\n', '\n')}--b--`)
  expect(formWithModel(form, 'multipart/form-data; boundary=b', 'new')).toBe(form)
})

test.each([
  ['/v1beta/models/fast:generateContent', 'gemini-2.5-pro', '/v1beta/models/gemini-2.5-pro:generateContent'],
  ['/v1beta/models/a/b:generateContent', 'x', '/v1beta/models/x:generateContent'],
  ['/v1beta/models/a%2Fb%3AstreamGenerateContent', 'x', '/v1beta/models/x%3AstreamGenerateContent'],
  ['/v1beta/models/fast', 'a/b:c?', '/v1beta/models/a%2Fb%3Ac%3F'],
  ['/v1/chat/completions', 'x', '/v1/chat/completions'],
])('%s with %s becomes %s', (path, model, after) => {
  expect(pathWithModel(path, model)).toBe(after)
})
