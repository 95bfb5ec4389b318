import { afterAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Journal, JournalFullError } from '../../src/background/journal.ts'
import { encodeRecords, scanRecords } from '../../src/background/journal-records.ts'

const root = mkdtempSync(join(tmpdir(), 'ongoingai-journal-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let next = 0
const fresh = (): string => join(root, `j${next++}`)

const payload = (text: string): Uint8Array => Buffer.from(JSON.stringify({ text }))
const payloads = (...texts: string[]): Uint8Array[] => texts.map(payload)

/** A journal with what was left in its folder, and what it said. */
function open(folder: string): {
  journal: Journal
  said: [string, Record<string, unknown>][]
  damaged: number
} {
  const said: [string, Record<string, unknown>][] = []
  const journal = new Journal(folder, 100_000_000, (_, message, fields) => said.push([message, fields]))
  return { journal, said, damaged: journal.adopt().damaged }
}

const textOf = (found: Uint8Array): string =>
  (JSON.parse(Buffer.from(found).toString()) as { text: string }).text

function drain(journal: Journal): string[] {
  const read: string[] = []
  while (journal.records > 0) {
    const batch = journal.peek(2, 1_000_000)
    read.push(...batch.payloads.map(textOf))
    batch.commit()
  }
  return read
}

const segmentsIn = (folder: string): string[] =>
  readdirSync(folder).filter((name) => name.startsWith('journal-'))

/** What an earlier version left: its process id in the name, and no lock. */
function earlier(folder: string, processId: number, texts: readonly string[], ageSeconds = 60): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `journal-0000000001-${processId}.log`)
  writeFileSync(path, encodeRecords(payloads(...texts)))
  const at = Date.now() / 1000 - ageSeconds
  utimesSync(path, at, at)
  return path
}

test('records come back in order, over restarts, and nothing is left when they have been read', () => {
  const folder = fresh()
  const first = open(folder).journal
  first.append(payloads('a', 'b'))
  first.append(payloads('c'))
  first.close()
  const second = open(folder).journal
  second.append(payloads('d', 'e'))
  expect(second.records).toBe(5)
  expect(drain(second)).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(second.bytes).toBe(0)
  second.close()
  expect(readdirSync(folder)).toEqual([])
})

test('what was not committed comes again', () => {
  const { journal } = open(fresh())
  journal.append(payloads('a', 'b'))
  journal.peek(10, 1000)
  expect(journal.peek(10, 1000).payloads).toHaveLength(2)
  expect(journal.records).toBe(2)
})

test('a full journal refuses a batch as a whole', () => {
  const journal = new Journal(fresh(), 60)
  journal.append(payloads('0123456789'))
  expect(() => journal.append(payloads('0', '1'))).toThrow(JournalFullError)
  expect(journal.records).toBe(1)
})

test('an empty journal touches nothing on the disk', () => {
  const folder = fresh()
  const { journal } = open(folder)
  journal.close()
  expect(journal.records).toBe(0)
  expect(() => readdirSync(folder)).toThrow('ENOENT')
})

test('a record that was being written when its process died is no damage, and costs no other', () => {
  const folder = fresh()
  const { journal } = open(folder)
  journal.append(payloads('first', 'second'))
  journal.close()
  const file = join(folder, segmentsIn(folder)[0]!)
  const whole = readFileSync(file)
  const firstEnd = 8 + payload('first').length
  for (let size = firstEnd; size < whole.length; size++) {
    writeFileSync(file, whole)
    truncateSync(file, size)
    const { journal: again, damaged } = open(folder)
    expect([again.records, damaged]).toEqual([1, 0])
    again.close()
  }
  // Room that was never written, after a loss of power.
  writeFileSync(file, Buffer.concat([whole, Buffer.alloc(4096)]))
  const { journal: again, damaged } = open(folder)
  expect([again.records, damaged]).toEqual([2, 0])
})

/** A change of bytes, and which of them it touched, by their place before. */
interface Damage {
  readonly bytes: Buffer
  readonly touches: (start: number, end: number) => boolean
}

function damage(bytes: Buffer, kind: string, at: number, size: number, noise: Uint8Array): Damage {
  const end = Math.min(bytes.length, at + size)
  const overlaps = (from: number, to: number): boolean => from < end && to > at
  const between = (middle: Uint8Array, rest = end): Buffer =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(rest)])
  switch (kind) {
    case 'zeros':
      return { bytes: between(new Uint8Array(end - at)), touches: overlaps }
    case 'flipped': {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 + (size % 255)
      return { bytes: flipped, touches: (from, to) => from <= at && to > at }
    }
    case 'cut out':
      return { bytes: between(new Uint8Array(0)), touches: overlaps }
    case 'inserted':
      return { bytes: between(noise, at), touches: (from, to) => from < at && to > at }
    default: {
      const to = Math.min(end, at + noise.length)
      return {
        bytes: between(noise.subarray(0, to - at), to),
        touches: (from, until) => from < to && until > at,
      }
    }
  }
}

test('damage of any kind at any place costs the records that it touches and no other, and the file is kept', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 300, unit: 'binary' }), { minLength: 1, maxLength: 40 }),
      fc.array(
        fc.record({
          kind: fc.constantFrom('zeros', 'flipped', 'cut out', 'inserted', 'noise'),
          place: fc.double({ min: 0, max: 1, noNaN: true }),
          size: fc.integer({ min: 1, max: 2000 }),
          noise: fc.uint8Array({ minLength: 1, maxLength: 2000 }),
        }),
        { minLength: 1, maxLength: 1 },
      ),
      (given, [change]) => {
        const folder = fresh()
        const { journal } = open(folder)
        const records = given.map((text, i) => payload(`${i} ${text}`))
        journal.append(records)
        journal.close()
        const file = join(folder, segmentsIn(folder)[0]!)
        const before = readFileSync(file)
        const { kind, place, size, noise } = change!
        const { bytes, touches } = damage(before, kind, Math.floor(place * (before.length - 1)), size, noise)
        writeFileSync(file, bytes)
        let at = 0
        const untouched = records.filter((record) => {
          const start = at
          at += 8 + record.length
          return !touches(start, at)
        })
        const { journal: again, damaged } = open(folder)
        const read = drain(again)
        // What was written over with the same bytes is whole.
        const texts = records.map(textOf)
        expect(read).toEqual(texts.filter((text) => read.includes(text)))
        expect(untouched.map(textOf).filter((text) => !read.includes(text))).toEqual([])
        const kept = readdirSync(folder).filter((name) => name.startsWith('quarantine-'))
        expect(kept).toHaveLength(damaged > 0 ? 1 : 0)
        if (damaged > 0) {
          expect(readFileSync(join(folder, kept[0]!)).equals(bytes)).toBe(true)
          expect(statSync(join(folder, kept[0]!)).mode & 0o777).toBe(0o600)
        }
        again.close()
        rmSync(folder, { recursive: true, force: true })
      },
    ),
    { numRuns: 200 },
  )
})

test('the search behind damage is bounded, whatever the damage looks like', () => {
  // Every offset says: here begins a record of some megabytes.
  const bytes = Buffer.alloc(8 * 1024 * 1024, Buffer.from([0x7b, 0x7d, 0x20, 0x00]))
  const record = encodeRecords(payloads('behind'))
  const { whole } = scanRecords(Buffer.concat([bytes, record]))
  expect(whole.length).toBeLessThanOrEqual(1)
  expect(scanRecords(Buffer.concat([Buffer.alloc(8 * 1024 * 1024, 0xff), record])).whole).toHaveLength(1)
}, 30_000)

test('damage that comes while the journal is open is noticed when it is read, and costs what it touches', () => {
  const folder = fresh()
  const { journal, said } = open(folder)
  journal.append(payloads('a', 'b', 'c'))
  const file = join(folder, segmentsIn(folder)[0]!)
  const bytes = readFileSync(file)
  bytes[8 + payload('a').length + 10]! ^= 1
  writeFileSync(file, bytes)
  const first = journal.peek(10, 1e6)
  expect(first.payloads.map(textOf)).toEqual(['a'])
  first.commit()
  expect(journal.peek(10, 1e6)).toMatchObject({ payloads: [], lost: 0, damaged: 1 })
  expect(drain(journal)).toEqual(['c'])
  expect(said.map(([message]) => message)).toEqual([
    'a journal segment is damaged; what is whole in it is read, and the file is kept in quarantine',
  ])
  expect(readdirSync(folder).filter((name) => name.startsWith('quarantine-journal-'))).toHaveLength(1)
})

test('segments of a gateway that lives are left alone, and taken over when it has ended, by one alone', () => {
  const folder = fresh()
  const owner = open(folder).journal
  owner.append(payloads('a', 'b'))
  const neighbours = [open(folder), open(folder)]
  expect(neighbours.map(({ journal }) => journal.records)).toEqual([0, 0])
  expect(neighbours[0]!.said[0]).toEqual([
    'journal segments are left alone: their gateway runs',
    expect.objectContaining({ reason: expect.stringContaining(`process ${process.pid} on `) }),
  ])
  neighbours[0]!.journal.adopt()
  expect(neighbours[0]!.said).toHaveLength(1)
  owner.append(payloads('c'))
  owner.close()
  expect(neighbours.map(({ journal }) => journal.adopt().records)).toEqual([3, 0])
  expect(neighbours[0]!.said[1]).toEqual([
    'journal segments of a gateway that has ended were taken over',
    expect.objectContaining({ records: 3 }),
  ])
  // Half read, then it ends too.
  const batch = neighbours[0]!.journal.peek(1, 1e6)
  expect(batch.payloads.map(textOf)).toEqual(['a'])
  batch.commit()
  neighbours[0]!.journal.close()
  expect(neighbours[1]!.journal.adopt().records).toBe(3)
  expect(drain(neighbours[1]!.journal)).toEqual(['a', 'b', 'c'])
  neighbours[1]!.journal.close()
  expect(readdirSync(folder)).toEqual([])
})

test('segments of an earlier version are taken over although another process has got their process id', () => {
  for (const processId of [process.pid, process.ppid, 1, 999_999_999]) {
    const folder = fresh()
    earlier(folder, processId, ['a', 'b'])
    const { journal, said } = open(folder)
    // Where a process of that id runs that we may not look into, a minute must have passed.
    expect([processId, drain(journal)]).toEqual([processId, ['a', 'b']])
    expect(said).toEqual([
      [
        'journal segments of a gateway that has ended were taken over',
        expect.objectContaining({ records: 2 }),
      ],
    ])
  }
})

test('segments of an earlier version are left alone while it has them open, and while they change', async () => {
  const folder = fresh()
  const path = earlier(folder, 0, ['a'])
  rmSync(path)
  const holder = Bun.spawn(
    [
      process.execPath,
      '-e',
      `const { openSync, writeSync } = require('node:fs')
       const path = ${JSON.stringify(folder)} + '/journal-0000000001-' + process.pid + '.log'
       const fd = openSync(path, 'wx')
       writeSync(fd, Buffer.from(${JSON.stringify(Buffer.from(encodeRecords(payloads('a'))).toString('base64'))}, 'base64'))
       require('node:fs').utimesSync(path, 1, 1)
       console.log('ready')
       setInterval(() => {}, 1000)`,
    ],
    { stdout: 'pipe' },
  )
  await holder.stdout.getReader().read()
  const { journal, said } = open(folder)
  expect(journal.records).toBe(process.platform === 'linux' ? 0 : 1)
  if (process.platform === 'linux')
    expect(said[0]![1]).toMatchObject({
      reason: `process ${holder.pid}, of an earlier version, has them open`,
    })
  holder.kill('SIGKILL')
  await holder.exited
  expect(journal.adopt().records).toBe(process.platform === 'linux' ? 1 : 0)
  earlier(folder, 999_999_999, ['b'], 0)
  expect(journal.adopt().records).toBe(0)
})

test('a segment that cannot be read is left where it is, and keeps none of the others from being read', () => {
  // Who may read everything cannot be kept from it by permissions.
  const folder = fresh()
  const { journal } = open(folder)
  journal.append(payloads('a'))
  journal.close()
  const name = segmentsIn(folder)[0]!
  rmSync(join(folder, name))
  mkdirSync(join(folder, name))
  earlier(folder, 999_999_999, ['b'])
  const { journal: again, said } = open(folder)
  expect(drain(again)).toEqual(['b'])
  expect(said.map(([message]) => message)).toContain(
    'a journal segment cannot be read and is left where it is',
  )
  again.close()
  expect(readdirSync(folder)).toContain(name)
})

test('a folder that vanishes under the journal costs what was in it, and is made again', () => {
  const folder = fresh()
  const { journal } = open(folder)
  journal.append(payloads('a', 'b'))
  rmSync(folder, { recursive: true, force: true })
  journal.append(payloads('c'))
  expect(journal.peek(10, 1e6)).toMatchObject({ payloads: [], lost: 2 })
  expect(open(folder).journal.records).toBe(0)
  expect(drain(journal)).toEqual(['c'])
})

test('a folder that is none is said, and can be one later', () => {
  const folder = fresh()
  writeFileSync(folder, 'in the way')
  const { journal, said } = open(folder)
  expect(said.map(([message]) => message)).toEqual(['the journal folder cannot be read'])
  expect(() => journal.append(payloads('a'))).toThrow()
  rmSync(folder)
  journal.append(payloads('a'))
  expect(drain(journal)).toEqual(['a'])
})

test('files of the journal are their owner’s alone', () => {
  const folder = fresh()
  const { journal } = open(folder)
  journal.append(payloads('a'))
  journal.keepUnfinished(payloads('b'))
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
})

test('what is worked on outlives its process, comes after everything else, and is gone when it was let go', () => {
  const folder = fresh()
  const first = open(folder).journal
  const file = first.keepUnfinished(payloads('a', 'b'))
  first.letGo(file)
  expect(readdirSync(folder).filter((name) => name.startsWith('unfinished-'))).toHaveLength(1)
  first.append(payloads('whole'))
  first.close()
  const second = open(folder).journal
  expect([second.records, second.hasUnfinished]).toEqual([1, true])
  expect(second.peekUnfinished().payloads).toEqual([])
  expect(drain(second)).toEqual(['whole'])
  const { payloads: left, commit } = second.peekUnfinished()
  expect(left.map(textOf)).toEqual(['a', 'b'])
  commit()
  const other = second.keepUnfinished(payloads('c', 'd'))
  second.letGo(other)
  second.letGo(other)
  second.close()
  expect(readdirSync(folder)).toEqual([])
})
