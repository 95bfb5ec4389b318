import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { unescaped } from './strings.ts'
import { JsonView } from './view.ts'
import { walkJson } from './walk.ts'

const value = fc.jsonValue({
  maxDepth: 4,
  stringUnit: fc.constantFrom('a', '"', '\\', '{', ',', 'é', '🎉', '\n', '\u0001'),
})

/** Every string of a value with the way that leads to it, in the order of the text. */
function stringsOf(any: unknown, path: readonly string[] = [], elements: readonly number[] = []): unknown[] {
  if (typeof any === 'string') return [[any, path, elements]]
  if (Array.isArray(any)) return any.flatMap((one, i) => stringsOf(one, [...path, '[]'], [...elements, i]))
  if (typeof any !== 'object' || any === null) return []
  return Object.entries(any).flatMap(([name, one]) => stringsOf(one, [...path, name], [...elements, 0]))
}

test('a walk reports every string of any JSON, and the way that leads to it', () => {
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (any, indent) => {
      const text = JSON.stringify(any, null, indent)
      const strings: unknown[] = []
      walkJson(text, {
        string: ({ start, end }, { path, elements }) =>
          strings.push([unescaped(text.slice(start, end)), [...path], [...elements]]),
      })
      expect(strings).toEqual(stringsOf(JSON.parse(text)))
    }),
  )
})

test('what is wanted whole is reported whole, and nothing inside', () => {
  const text = '{"a":[1,{"b":"}"}],"c":{"d":["e"]},"f":"g"}'
  const reported: string[] = []
  const report = ({ start, end }: { start: number; end: number }): unknown =>
    reported.push(text.slice(start, end))
  walkJson(text, { string: report, name: report, whole: report, begins: (_, { name }) => /[ac]/.test(name) })
  expect(reported).toEqual(['a', '[1,{"b":"}"}]', 'c', '{"d":["e"]}', 'f', 'g'])
  reported.length = 0
  walkJson('{"a":[1', {
    string: report,
    whole: ({ start, end }) => reported.push(`${start} ${end}`),
    begins: (kind) => kind === 'array',
  })
  expect(reported).toEqual(['5 7'])
})

/** What a view of pieces holds at its end. */
function viewed(text: string, cuts: readonly number[]): unknown[] {
  const view = new JsonView(({ name }, kind) => name === 'a' && kind !== 'array', 10)
  let from = 0
  for (const cut of [...cuts, text.length]) {
    view.write(text.slice(from, cut))
    from = cut
  }
  return [view.text, view.places, view.within, view.readEnd, view.wholes]
}

test('a view of a text is the same however the text is cut', () => {
  const wholes = fc.oneof(value, fc.record({ a: value, b: fc.record({ a: value }) }))
  fc.assert(
    fc.property(wholes, (any) => {
      const text = JSON.stringify(any).replaceAll('é', '\\u00e9')
      const whole = viewed(text, [])
      for (let cut = 0; cut <= text.length; cut++) expect(viewed(text, [cut])).toEqual(whole)
      expect(
        viewed(
          text,
          Array.from({ length: text.length }, (_, i) => i),
        ),
      ).toEqual(whole)
    }),
    { numRuns: 30 },
  )
})

test('a view reads escapes as what they stand for, and knows where each character stands', () => {
  const [text, places, within, readEnd, wholes] = viewed('{"a":"x\\u0041\\n","b":[{"a":{"c":1}}]}', [])
  expect(text).toBe('{"a":"xA\n","b":[{"a":{"c":1}}]}')
  expect((places as number[]).slice(0, 11)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 23, 25, 26])
  expect((within as boolean[]).slice(4, 10)).toEqual([false, false, true, true, true, false])
  expect(readEnd).toBe(47)
  expect(wholes).toEqual([
    { start: 6, end: 9, at: 16, string: true },
    { start: 21, end: 28, at: 37, string: false },
  ])
})
