import { expect, test } from 'bun:test'
import { TokenCounting } from './token-counting.ts'

test('what must be counted waits for the vocabulary, then goes one after another with room between for the rest of the thread', async () => {
  const done: string[] = []
  const counting = new TokenCounting()
  const slow = (name: string) => (): void => {
    done.push(name)
    const until = performance.now() + 20
    while (performance.now() < until);
  }
  counting.add('o200k_base', slow('a'))
  counting.add('o200k_base', slow('b'))
  counting.add('cl100k_base', slow('c'))
  expect(done).toEqual([])
  while (done.length === 0) await Bun.sleep(1)
  // Work of others comes in between, instead of behind everything.
  expect(done).toEqual(['a'])
  await counting.finished()
  expect(done).toEqual(['a', 'b', 'c'])
})

test('one that fails does not keep the others from being counted', async () => {
  const done: string[] = []
  const counting = new TokenCounting()
  counting.add('o200k_base', () => {
    throw new Error('broken')
  })
  counting.add('o200k_base', () => void done.push('b'))
  expect(counting.finished()).rejects.toThrow('broken')
  await counting.finished()
  expect(done).toEqual(['b'])
})

test('tokens are counted while the thread keeps up, and not when it is far behind or stops', async () => {
  let now = 0
  const counting = new TokenCounting(() => now)
  const counts: (number | undefined)[] = []
  const count = (): void => void counts.push(counting.count('o200k_base', 'Hello there'))
  counting.add('o200k_base', count)
  await counting.finished()
  counting.add('o200k_base', count)
  now = 60_000
  await counting.finished()
  counting.add('o200k_base', count)
  counting.hurry()
  await counting.finished()
  expect(counts).toEqual([2, undefined, undefined])
})
