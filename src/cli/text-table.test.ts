import { expect, test } from 'bun:test'
import { textTable } from './text-table.ts'

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length))

test('a table that fits has columns as wide as their longest cell', () => {
  expect(
    textTable(
      [
        ['NAME', 'COUNT', 'LAST'],
        ['a', '1', 'b'],
      ],
      80,
    ),
  ).toBe('NAME  COUNT  LAST\na     1      b\n')
})

test('a long cell makes its own row long, not its column wide', () => {
  const text = textTable(
    [
      ['server.port', '8080', 'default'],
      ...Array.from({ length: 10 }, () => ['server.host', 'localhost', 'default']),
      ['pii.headers.denylist', `[${'"a-header", '.repeat(9)}]`, 'default'],
    ],
    80,
  )
  expect(text.split('\n')[0]).toMatch(/^server\.port +8080 +default$/)
  expect(widest(text)).toBeLessThanOrEqual(80)
})

test('columns that can not stand beside each other stand below each other, in every row alike', () => {
  const head = ['TIMESTAMP', 'PROVIDER', 'MODEL', 'STATUS', 'TOTAL_TOKENS', 'COST', 'LATENCY', 'PATH', 'ID']
  const row = [
    '2026-02-18T14:02:00Z',
    'anthropic',
    'claude',
    '200',
    '23',
    '0.1',
    '120',
    '/anthropic/v1/messages',
    'trace-1',
  ]
  const text = textTable([head, row], 80)
  expect(text).toBe(
    `${[
      'TIMESTAMP             PROVIDER   MODEL   STATUS  TOTAL_TOKENS  COST  LATENCY',
      '  PATH                    ID',
      '2026-02-18T14:02:00Z  anthropic  claude  200     23            0.1   120',
      '  /anthropic/v1/messages  trace-1',
    ].join('\n')}\n`,
  )
})

test('a long value stands beside its name, broken at spaces', () => {
  const text = textTable([['note', 'word '.repeat(30).trim()]], 80)
  expect(widest(text)).toBeLessThanOrEqual(80)
  expect(text.split('\n')[1]).toMatch(/^ {6}word/)
})

test('what somebody copies is never broken', () => {
  const id = 'x'.repeat(100)
  expect(textTable([['id', id]], 80)).toContain(id)
})
