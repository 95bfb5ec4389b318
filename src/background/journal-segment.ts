import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { readRecord } from './journal-files.ts'
import type { JournalOwner } from './journal-owner.ts'
import { HEADER_BYTES, scanRecords } from './journal-records.ts'

/** A file of the journal, and how far it has been read. */
export interface Segment {
  readonly path: string
  readonly sequence: number
  readonly owner: JournalOwner
  /** Stretches that are still to be read. */
  unread: { start: number; end: number }[]
  /** Whole records in them. */
  records: number
  /** Where it ends; what follows is a torn tail. */
  bytes: number
  /** Something in it cannot be read, so it is kept when the rest has been. */
  damaged: boolean
  /** It could not be opened; the next `adopt` tries again. */
  unreadable: boolean
}

/** A segment without records. */
export function newSegment(path: string, sequence: number, owner: JournalOwner): Segment {
  return { path, sequence, owner, unread: [], records: 0, bytes: 0, damaged: false, unreadable: false }
}

/** Scans a segment's file for whole records. @returns how many stretches are damaged @throws the file system's error */
export function measureSegment(segment: Segment): number {
  const fd = openSync(segment.path, 'r')
  let size: number
  try {
    ;({ size } = fstatSync(fd))
    for (;;) {
      const payload = readRecord(fd, segment.bytes)
      if (!payload) break
      segment.records += 1
      segment.bytes += HEADER_BYTES + payload.length
    }
  } finally {
    closeSync(fd)
  }
  if (segment.bytes > 0) segment.unread.push({ start: 0, end: segment.bytes })
  if (segment.bytes === size) return 0
  // Only damage needs memory for a whole segment.
  const { whole, damaged } = scanRecords(readFileSync(segment.path), segment.bytes)
  for (const { start, end, records } of whole) {
    segment.unread.push({ start, end })
    segment.records += records
  }
  segment.bytes = Math.max(segment.bytes, ...[...whole, ...damaged].map(({ end }) => end))
  return damaged.length
}

/** The next records of a segment, and where the reading stopped. */
export interface SegmentRead {
  readonly payloads: readonly Uint8Array[]
  readonly at: number
}

/**
 * Reads the next records of a segment that has some, up to `maxRecords` and about `maxBytes`. Without payloads, what follows `at` is damaged.
 *
 * @throws the file system's error
 */
export function readSegment(
  { path, unread }: Segment,
  { maxRecords, maxBytes }: { readonly maxRecords: number; readonly maxBytes: number },
): SegmentRead {
  const payloads: Uint8Array[] = []
  let bytes = 0
  let at = unread[0]!.start
  const fd = openSync(path, 'r')
  try {
    for (const { start, end } of unread) {
      at = Math.max(at, start)
      while (at < end && payloads.length < maxRecords && bytes < maxBytes) {
        const payload = readRecord(fd, at)
        if (!payload) return { payloads, at }
        payloads.push(payload)
        bytes += payload.length
        at += HEADER_BYTES + payload.length
      }
      if (at < end) break
    }
  } finally {
    closeSync(fd)
  }
  return { payloads, at }
}

/** Some of a segment's records have been read, up to a place. More may have been appended meanwhile. */
export function markRead(segment: Segment, { payloads, at }: SegmentRead): void {
  segment.unread = segment.unread.filter(({ end }) => end > at)
  if (segment.unread[0] && segment.unread[0].start < at) segment.unread[0].start = at
  segment.records -= payloads.length
}

/**
 * Scans a segment again that has become damaged since it was opened or written.
 *
 * @returns how many records are missing, and whether damaged bytes must be kept: a file that was cut has none
 */
export function measureAgain(segment: Segment, from: number): { missing: number; kept: boolean } {
  const before = segment.records
  const { whole, damaged } = scanRecords(readFileSync(segment.path), from)
  segment.unread = whole.map(({ start, end }) => ({ start, end }))
  segment.records = whole.reduce((sum, { records }) => sum + records, 0)
  return { missing: Math.max(0, before - segment.records), kept: damaged.length > 0 }
}
