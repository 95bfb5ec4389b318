import { expect, test } from 'bun:test'
import { placeholderProblem, resolveReferences } from './references.ts'

const ENVIRONMENT = { KEY: 'a ${KEY} b', HOST: 'db', EMPTY: '' }

test.each([
  ['plain', 'plain', []],
  ['${env:HOST}', 'db', ['HOST']],
  ['postgres://u@${env:HOST}:5432/${env:HOST}', 'postgres://u@db:5432/db', ['HOST', 'HOST']],
  // What a variable holds is not inspected again.
  ['${env:KEY}', 'a ${KEY} b', ['KEY']],
  ['$${env:HOST} costs $5', '${env:HOST} costs $5', []],
  ['$${', '${', []],
  ['$HOST {env:HOST} $', '$HOST {env:HOST} $', []],
])('%j becomes %j', (text, wanted, variables) => {
  for (const secret of [false, true])
    expect(resolveReferences(text, secret, ENVIRONMENT)).toEqual({
      kind: 'resolved',
      text: wanted,
      variables,
    })
})

test.each([
  ['${env:MISSING}', 'the variable MISSING is not set, or empty; set it where the gateway is started'],
  ['${env:EMPTY}', 'the variable EMPTY is not set, or empty; set it where the gateway is started'],
  ['${env:}', '${env:} names no variable; write ${env:NAME}'],
  ['${ENV:HOST}', '${ENV:HOST} names no variable; write ${env:NAME}'],
  ['${env.HOST}', '${env.HOST} names no variable; write ${env:NAME}'],
])('%j is a mistake everywhere', (text, problem) => {
  for (const secret of [false, true])
    expect(resolveReferences(text, secret, ENVIRONMENT)).toEqual({ kind: 'problem', problem })
})

test.each([
  [
    '${HOST}',
    'holds the placeholder ${HOST}, which is not resolved; write ${env:HOST}, or $${HOST} where these characters are meant',
  ],
  [
    'redis://:${PASS:-x}@h',
    'holds the placeholder ${PASS:-x}, which is not resolved; write ${env:PASS}, or $${PASS:-x} where these characters are meant',
  ],
  ['os.environ/KEY', 'holds os.environ/KEY, which is not resolved here; write ${env:KEY}'],
])('%j is a text, but not where a secret is expected', (text, problem) => {
  expect(resolveReferences(text, false, ENVIRONMENT)).toEqual({ kind: 'resolved', text, variables: [] })
  expect(resolveReferences(text, true, ENVIRONMENT)).toEqual({ kind: 'problem', problem })
})

test('a secret from a variable may hold anything but a placeholder alone', () => {
  expect(placeholderProblem('${DSN}')).toBe('holds the placeholder ${DSN} instead of a secret')
  expect(placeholderProblem('os.environ/DSN')).toBe(
    'holds the placeholder os.environ/DSN instead of a secret',
  )
  expect(placeholderProblem('pa${ss}word')).toBeUndefined()
})
