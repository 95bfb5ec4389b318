import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs'
import { HEADER_BYTES, MAX_PAYLOAD_BYTES, type Stretch } from './journal-records.ts'

/** A file of a journal, as its name says. */
export interface JournalFile {
  readonly name: string
  readonly kind: 'journal' | 'unfinished'
  readonly sequence: number
  /** A token; of an earlier version, a process id. */
  readonly owner: string
}

/** The parts of a journal file's name; `undefined` for other files. */
export function journalFile(name: string): JournalFile | undefined {
  const [, kind, sequence, owner] =
    /^(journal|unfinished)-(\d{10})-(\d+|[a-z][0-9a-z]+)\.log$/.exec(name) ?? []
  if (owner === undefined) return undefined
  return { name, kind: kind as JournalFile['kind'], sequence: Number(sequence), owner }
}

/** One record, or `undefined` where the file is torn or damaged. */
export function readRecord(fd: number, offset: number): Uint8Array | undefined {
  const header = Buffer.alloc(HEADER_BYTES)
  if (readSync(fd, header, 0, HEADER_BYTES, offset) < HEADER_BYTES) return undefined
  const length = header.readUInt32LE(0)
  if (length === 0 || length > MAX_PAYLOAD_BYTES || length > fstatSync(fd).size - offset) return undefined
  const payload = Buffer.alloc(length)
  if (readSync(fd, payload, 0, length, offset + HEADER_BYTES) < length) return undefined
  return Bun.hash.crc32(payload) === header.readUInt32LE(4) ? payload : undefined
}

/** The payloads of a stretch of whole records. */
export function payloadsIn(bytes: Buffer, { start, end }: Stretch): Uint8Array[] {
  const payloads: Uint8Array[] = []
  for (let at = start; at < end;) {
    const from = at + HEADER_BYTES
    at = from + bytes.readUInt32LE(at)
    payloads.push(bytes.subarray(from, at))
  }
  return payloads
}

/** Writes all of a block at a position. @throws the file system's error */
export function writeAt(fd: number, block: Buffer, position: number): void {
  for (let written = 0; written < block.length;) {
    written += writeSync(fd, block, written, block.length - written, position + written)
  }
}

/** Makes a new file's name outlive a loss of power, where the system can. */
export function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch {
    // Windows opens no folders; there the file system sees to it.
  }
}

/** Size of a file in bytes; 0 when it is unknown. */
export function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

/** A path without links; the path itself when they cannot be resolved. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
