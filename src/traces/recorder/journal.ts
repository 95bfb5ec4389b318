import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { makePrivateFolder, openPrivateFile } from '../../private-files.ts'

/** A new segment is begun at this size, so that what has been replayed can be given back to the disk. */
const SEGMENT_BYTES = 16 * 1024 * 1024

/** Length and checksum before every payload. */
const HEADER_BYTES = 8

/** A payload cannot be larger; a length beyond it is damage. */
const MAX_PAYLOAD_BYTES = 256 * 1024 * 1024

interface Segment {
  readonly path: string
  readonly sequence: number
  /** Whole records in it, and their bytes; what follows is a torn tail. */
  records: number
  bytes: number
}

/** The journal would exceed its size. */
export class JournalFullError extends Error {
  override readonly name = 'JournalFullError'
}

/**
 * An append-only journal in a folder: segments of length-prefixed, checksummed records, read back in order.
 *
 * A record is `u32 length, u32 CRC-32, payload` (little-endian). A torn or damaged record ends its segment; the
 * records before it are whole. How far it has been read is kept in memory only: after a crash the rest of the
 * oldest segment is read again, so what the reader does with a record must be idempotent.
 *
 * A segment carries the id of the process that writes it. Segments of processes that are gone are taken over when a
 * journal is opened; those of a living one are left to it.
 */
export class Journal {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #segments: Segment[] = []
  #tail: { segment: Segment; fd: number } | undefined
  #readOffset = 0
  #readRecords = 0

  /**
   * Opens a journal; the folder is made at the first append, not before.
   *
   * @param maxBytes size at which `append` throws JournalFullError
   */
  constructor(folder: string, maxBytes: number) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    if (!existsSync(folder)) return
    for (const name of readdirSync(folder).sort()) {
      const [, sequence, owner] = /^journal-(\d{10})-(\d+)\.log$/.exec(name) ?? []
      if (sequence === undefined || isAlive(Number(owner))) continue
      const segment = { path: join(folder, name), sequence: Number(sequence), records: 0, bytes: 0 }
      measure(segment)
      this.#segments.push(segment)
    }
    this.#dropRead()
  }

  /** Records that have been appended and not yet committed as read. */
  get records(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.records, 0) - this.#readRecords
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  /**
   * Appends payloads, all or none.
   *
   * @throws JournalFullError, or the file system's error; nothing of the batch is left behind then
   */
  append(payloads: readonly Uint8Array[]): void {
    const size = payloads.reduce((sum, payload) => sum + HEADER_BYTES + payload.length, 0)
    if (this.bytes + size > this.#maxBytes) throw new JournalFullError('the journal is full')
    const block = Buffer.alloc(size)
    let offset = 0
    for (const payload of payloads) {
      block.writeUInt32LE(payload.length, offset)
      block.writeUInt32LE(Bun.hash.crc32(payload), offset + 4)
      block.set(payload, offset + HEADER_BYTES)
      offset += HEADER_BYTES + payload.length
    }
    const { segment, fd } = this.#openTail()
    try {
      for (let written = 0; written < size;) {
        written += writeSync(fd, block, written, size - written, segment.bytes + written)
      }
      fdatasyncSync(fd)
    } catch (error) {
      try {
        ftruncateSync(fd, segment.bytes)
      } catch {
        // The torn tail is recognised by its checksum anyway.
      }
      throw error
    }
    segment.records += payloads.length
    segment.bytes += size
  }

  /**
   * Reads the oldest records, up to `maxRecords` and about `maxBytes`. The same ones come again until `commit` is called.
   *
   * @returns `lost`: records that were in a file which somebody has taken away; they are no longer counted
   */
  peek(maxRecords: number, maxBytes: number): { payloads: Uint8Array[]; commit: () => void; lost: number } {
    const payloads: Uint8Array[] = []
    const segment = this.#segments[0]
    if (!segment) return { payloads, commit: () => {}, lost: 0 }
    if (!existsSync(segment.path)) {
      const lost = segment.records - this.#readRecords
      this.#forgetFirst()
      return { payloads, commit: () => {}, lost }
    }
    let offset = this.#readOffset
    let bytes = 0
    const fd = openSync(segment.path, 'r')
    try {
      while (payloads.length < maxRecords && bytes < maxBytes && offset < segment.bytes) {
        const payload = readRecord(fd, offset)
        if (!payload) break
        payloads.push(payload)
        bytes += payload.length
        offset += HEADER_BYTES + payload.length
      }
    } finally {
      closeSync(fd)
    }
    const commit = (): void => {
      this.#readOffset = offset
      this.#readRecords += payloads.length
      this.#dropRead()
    }
    return { payloads, commit, lost: 0 }
  }

  /** Closes the file that is being appended to. */
  close(): void {
    if (this.#tail) closeSync(this.#tail.fd)
    this.#tail = undefined
  }

  #openTail(): { segment: Segment; fd: number } {
    if (this.#tail && this.#tail.segment.bytes < SEGMENT_BYTES) return this.#tail
    this.close()
    makePrivateFolder(this.#folder)
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1
    const path = join(this.#folder, `journal-${String(sequence).padStart(10, '0')}-${process.pid}.log`)
    const fd = openPrivateFile(path, 'wx')
    const segment = { path, sequence, records: 0, bytes: 0 }
    this.#segments.push(segment)
    this.#tail = { segment, fd }
    return this.#tail
  }

  /** Removes segments that have been read to their end. */
  #dropRead(): void {
    for (;;) {
      const segment = this.#segments[0]
      if (!segment || this.#readOffset < segment.bytes) return
      this.#forgetFirst()
      unlinkSync(segment.path)
    }
  }

  #forgetFirst(): void {
    const segment = this.#segments.shift()
    if (this.#tail?.segment === segment) this.close()
    this.#readRecords = 0
    this.#readOffset = 0
  }
}

/** Whether another process of that id lives. Our own id was ours, or that of one before us. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Counts the whole records of a segment. */
function measure(segment: Segment): void {
  const fd = openSync(segment.path, 'r')
  try {
    const size = fstatSync(fd).size
    while (segment.bytes + HEADER_BYTES <= size) {
      const payload = readRecord(fd, segment.bytes)
      if (!payload) return
      segment.records += 1
      segment.bytes += HEADER_BYTES + payload.length
    }
  } finally {
    closeSync(fd)
  }
}

/** One record, or `undefined` where the file is torn or damaged. */
function readRecord(fd: number, offset: number): Uint8Array | undefined {
  const header = Buffer.alloc(HEADER_BYTES)
  if (readSync(fd, header, 0, HEADER_BYTES, offset) < HEADER_BYTES) return undefined
  const length = header.readUInt32LE(0)
  if (length > MAX_PAYLOAD_BYTES) return undefined
  const payload = Buffer.alloc(length)
  if (readSync(fd, payload, 0, length, offset + HEADER_BYTES) < length) return undefined
  return Bun.hash.crc32(payload) === header.readUInt32LE(4) ? payload : undefined
}
