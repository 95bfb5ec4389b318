import { expect, test } from 'bun:test'
import { customDetector } from './custom.ts'

test('words are found whole and in any case, beside a letter whose lower case is longer too', () => {
  const words = customDetector({ name: 'project', type: '', pattern: '', words: ['Blue Moon', 'İstanbul'] })
  const found = (text: string): string[] => words.match(text).map(({ start, end }) => text.slice(start, end))
  expect(found('İn BLUE MOON, blue moons, (blue moon) and İSTANBUL')).toEqual([
    'BLUE MOON',
    'blue moon',
    'İSTANBUL',
  ])
})
