import { expect, test } from 'bun:test'
import { tooDeepLine } from './nesting.ts'

test('nesting is bounded, in brackets and in blocks, and the error names the line', () => {
  expect(tooDeepLine(`a: 1\nb: ${'['.repeat(100_000)}`)).toBe(2)
  expect(tooDeepLine(`{"a\\"\n": ${'{"b":'.repeat(65)}`)).toBe(2)
  expect(tooDeepLine(Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'))).toBe(258)
  expect(tooDeepLine(`x:\n${'- '.repeat(5000)}1`)).toBe(2)
})

test('what settings hold is not deep', () => {
  expect(tooDeepLine('')).toBeUndefined()
  expect(tooDeepLine(`a: "${'['.repeat(1000)}"\n`)).toBeUndefined()
  expect(tooDeepLine('a: [1]\n'.repeat(1000))).toBeUndefined()
  expect(tooDeepLine(`- ${'x'.repeat(100_000)}\n`)).toBeUndefined()
})
