import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Journal, JournalFullError } from './journal.ts'

const root = mkdtempSync(join(tmpdir(), 'ongoingai-journal-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let next = 0
const fresh = (): string => join(root, `j${next++}`)

const payloads = (...texts: string[]): Uint8Array[] => texts.map((text) => Buffer.from(text))

function drain(journal: Journal): string[] {
  const read: string[] = []
  while (journal.records > 0) {
    const { payloads: found, commit } = journal.peek(2, 1_000_000)
    read.push(...found.map((payload) => Buffer.from(payload).toString()))
    commit()
  }
  return read
}

test('records come back in order, over restarts, and the files go when they have been read', () => {
  const folder = fresh()
  const first = new Journal(folder, 1_000_000)
  first.append(payloads('a', 'b'))
  first.append(payloads('c'))
  first.close()
  const second = new Journal(folder, 1_000_000)
  second.append(payloads('d', ''))
  expect([second.records, second.bytes]).toEqual([5, 5 * 8 + 4])
  expect(drain(second)).toEqual(['a', 'b', 'c', 'd', ''])
  expect(second.bytes).toBe(0)
  expect(readdirSync(folder)).toEqual([])
})

test('what was not committed comes again', () => {
  const journal = new Journal(fresh(), 1_000_000)
  journal.append(payloads('a', 'b'))
  journal.peek(10, 1000)
  expect(journal.peek(10, 1000).payloads).toHaveLength(2)
  expect(journal.records).toBe(2)
})

test('a tail torn at any byte loses the torn record and no other', () => {
  const folder = fresh()
  const journal = new Journal(folder, 1_000_000)
  journal.append(payloads('first', 'second'))
  journal.close()
  const file = join(folder, readdirSync(folder)[0]!)
  const whole = readFileSync(file)
  const firstEnd = 8 + 'first'.length
  for (let size = firstEnd; size < whole.length; size++) {
    writeFileSync(file, whole)
    truncateSync(file, size)
    expect(new Journal(folder, 1_000_000).records).toBe(1)
  }
})

test('a damaged record ends its segment', () => {
  const folder = fresh()
  const journal = new Journal(folder, 1_000_000)
  journal.append(payloads('first', 'second'))
  journal.close()
  const file = join(folder, readdirSync(folder)[0]!)
  const bytes = readFileSync(file)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(file, bytes)
  expect(drain(new Journal(folder, 1_000_000))).toEqual(['first'])
})

test('a full journal refuses a batch as a whole', () => {
  const journal = new Journal(fresh(), 30)
  journal.append(payloads('0123456789'))
  expect(() => journal.append(payloads('0', '1'))).toThrow(JournalFullError)
  expect(journal.records).toBe(1)
})

test('an empty journal touches nothing on the disk', () => {
  const folder = fresh()
  expect(new Journal(folder, 1000).records).toBe(0)
  expect(() => readdirSync(folder)).toThrow('ENOENT')
})
