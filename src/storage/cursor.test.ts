import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CursorError, decodeCursor, encodeCursor } from './cursor.ts'

test('any position survives the way through a cursor', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4_102_444_800_000_000 }),
      fc.string({ minLength: 1 }).filter((id) => id.trim() === id && id.isWellFormed()),
      (createdAtUs, id) => {
        expect(decodeCursor(encodeCursor({ createdAtUs, id }))).toEqual({ createdAtUs, id })
      },
    ),
  )
})

test('what is no cursor is refused by name', () => {
  for (const text of ['!', 'YWJj', 'YXx4', '']) expect(() => decodeCursor(text)).toThrow(CursorError)
})
