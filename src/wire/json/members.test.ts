import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { JsonMembers } from './members.ts'

const WANTED = new Set(['model', 'usage', 'stream', 'é"'])

function pick(bytes: Uint8Array, cuts: readonly number[]): Record<string, unknown> {
  const members = new JsonMembers(WANTED, 64 * 1024)
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    members.write(bytes.subarray(from, cut))
    from = cut
  }
  return members.toObject()
}

const DOCUMENT = Buffer.from(
  ` {"a":"x\\"y\\\\","model" : "gpt \\u00e9" , "n":[{"model":"inner"},"}]"],"\\u00e9\\"":-1.5e3,"usage":{"t":[1,{"u":null}],"s":"{"},"stream":true}trailing`,
)

test('wanted members of the top level come out, whatever is nested beside them', () => {
  expect(pick(DOCUMENT, [])).toEqual({
    model: 'gpt é',
    'é"': -1500,
    usage: { t: [1, { u: null }], s: '{' },
    stream: true,
  })
})

test('a document cut at any byte gives the same members', () => {
  const whole = pick(DOCUMENT, [])
  for (let cut = 0; cut <= DOCUMENT.length; cut++) expect(pick(DOCUMENT, [cut])).toEqual(whole)
})

test('any JSON object, cut anywhere, gives what JSON.parse gives for the wanted members', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom('model', 'usage', 'stream', 'other', 'é"'),
        fc.jsonValue({ maxDepth: 3 }),
      ),
      fc.array(fc.nat(200), { maxLength: 5 }),
      fc.constantFrom(undefined, 2),
      (object, cuts, indent) => {
        const bytes = Buffer.from(JSON.stringify(object, undefined, indent))
        const parsed = JSON.parse(bytes.toString()) as Record<string, unknown>
        const expected = Object.fromEntries(Object.entries(parsed).filter(([name]) => WANTED.has(name)))
        const places = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b)
        expect(pick(bytes, places)).toEqual(expected)
      },
    ),
  )
})

test('what is not an object yields nothing', () => {
  for (const text of ['', '[{"model":"x"}]', 'null', '"model"', '{"model"', '{model:1}']) {
    expect(pick(Buffer.from(text), [])).toEqual({})
  }
})

test('a wanted value longer than the limit is left out', () => {
  const members = new JsonMembers(WANTED, 10)
  members.write(Buffer.from('{"model":"12345678901","stream":true}'))
  expect(members.toObject()).toEqual({ stream: true })
})

test('a string of escapes is followed in linear time', () => {
  const members = new JsonMembers(WANTED, 1024)
  members.write(Buffer.from(`{"a":"${'\\n'.repeat(2_000_000)}","model":"m"}`))
  expect(members.get('model')).toBe('m')
})

test('the elements of a counted array are counted, wherever it is cut', () => {
  for (const [array, count] of [
    ['[]', 0],
    ['[ \n]', 0],
    ['[1]', 1],
    ['[ "a,b" , [1,2], {"c":[3,4]},null ]', 4],
    ['"[1,2]"', undefined],
  ] as const) {
    const bytes = Buffer.from(`{"a":[0,0],"data": ${array} ,"model":"m"}`)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const members = new JsonMembers(WANTED, 100, new Set(['data']))
      members.write(bytes.subarray(0, cut))
      members.write(bytes.subarray(cut))
      const data = members.get('data') as unknown[] | undefined
      expect([array, data?.length, members.get('model')]).toEqual([array, count, 'm'])
    }
  }
})
