import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { makePrivateFolder, openPrivateFile } from '../files/private-files.ts'
import {
  journalFile,
  payloadsIn,
  readRecord,
  realPath,
  sizeOf,
  syncFolder,
  writeAt,
  type JournalFile,
} from './journal-files.ts'
import {
  hasOpen,
  isOwnerIn,
  lockTokens,
  newJournalOwner,
  releaseOwner,
  takeOver,
  type JournalOwner,
} from './journal-owner.ts'
import { encodeRecords, HEADER_BYTES, scanRecords } from './journal-records.ts'

/** A new segment is begun at this size, so that what has been replayed can be given back to the disk. */
const SEGMENT_BYTES = 16 * 1024 * 1024

/** How long a segment of an earlier version must not have changed before it is taken over; longer where its process may live. */
const QUIET_MS = 5000
const QUIET_IN_DOUBT_MS = 60_000

interface Segment {
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
  /** It could not be opened; looked at again with the next `adopt`. */
  unreadable: boolean
}

/** A file of records that somebody works on: it goes when all of them have been let go. */
export interface UnfinishedFile {
  readonly path: string
  readonly fd: number
  bytes: number
  waiting: number
}

/** What a look into the folder brought. */
export interface Adopted {
  /** Whole records in segments whose owner has ended. */
  readonly records: number
  /** Stretches in them that cannot be read. */
  readonly damaged: number
}

/** The oldest records. The same ones come again until `commit` is called. */
export interface JournalBatch {
  readonly payloads: readonly Uint8Array[]
  /** They are safe elsewhere. */
  readonly commit: () => void
  /** The file that they are in is kept in quarantine instead of being deleted. */
  readonly keepFile: () => void
  /** Records that were in a file which somebody has taken away; they are no longer counted. */
  readonly lost: number
  /** Records that turned out to be damaged; their file will be kept, and they are no longer counted. */
  readonly damaged: number
}

/** Where the journal says what it does with files. */
export type JournalLog = (
  level: 'INFO' | 'WARN' | 'ERROR',
  message: string,
  fields: Record<string, unknown>,
) => void

/** The journal would exceed its size. */
export class JournalFullError extends Error {
  override readonly name = 'JournalFullError'
}

/**
 * An append-only journal in a folder that several gateways may share: segments of checksummed records (`journal-records.ts`), read back in
 * order. How far it has been read is kept in memory only: after a crash the rest of the oldest segment is read again, so what the reader does
 * with a record must be idempotent.
 *
 * A segment's name carries its owner, who holds a lock as long as it lives. Segments of owners that have ended are taken over by the first gateway that
 * gets their lock; those of living ones are left alone. Earlier versions put their process id there and take no lock: their segments are
 * taken over when no process has them open and they have not changed for a while.
 *
 * Damage costs the records that it touches: reading goes on behind it, and the file is kept as `quarantine-<name>`.
 */
export class Journal {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #log: JournalLog
  #own: JournalOwner | undefined
  /** Owners that have ended and have segments left. */
  readonly #inherited = new Set<JournalOwner>()
  /** In the order in which they are read. */
  #segments: Segment[] = []
  #tail: { segment: Segment; fd: number } | undefined
  /** Files of records that were worked on when their process ended. */
  #orphans: { readonly path: string; readonly owner: JournalOwner; readonly bytes: number }[] = []
  readonly #unfinished = new Set<UnfinishedFile>()
  #unfinishedTail: UnfinishedFile | undefined
  #sequence = 0
  /** What was said, so that it is said once. */
  readonly #said = new Set<string>()
  /** Segments of earlier versions, as they were when they were first seen. */
  readonly #seen = new Map<string, { readonly state: string; readonly atMs: number }>()

  /**
   * The folder is made at the first append, not before; what others have left there comes with `adopt`.
   *
   * @param maxBytes size at which `append` throws JournalFullError
   */
  constructor(folder: string, maxBytes: number, log: JournalLog = () => undefined) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#log = log
  }

  /** Records that have been appended or taken over, and not yet committed as read. */
  get records(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.records, 0)
  }

  /** Bytes on disk. */
  get bytes(): number {
    const sum = (files: Iterable<{ readonly bytes: number }>): number => {
      let bytes = 0
      for (const file of files) bytes += file.bytes
      return bytes
    }
    return sum(this.#segments) + sum(this.#orphans) + sum(this.#unfinished)
  }

  /** Whether records are left that were worked on when their process ended. */
  get hasUnfinished(): boolean {
    return this.#orphans.length > 0
  }

  /** Looks for segments whose owner has ended, and takes them over. Looks again at those that could not be opened. */
  adopt(): Adopted {
    for (const segment of this.#segments) segment.unreadable = false
    const sum = { records: 0, damaged: 0 }
    const names = this.#names()
    const files = names.flatMap((name) => journalFile(name) ?? [])
    const known = new Set([this.#own, ...this.#inherited].map((owner) => owner?.token))
    const tokens = new Set([...files.map(({ owner }) => owner), ...lockTokens(names)])
    for (const token of tokens) {
      if (known.has(token)) continue
      const adopted = /^\d/.test(token) ? this.#adoptEarlier(token, files) : this.#inherit(token)
      sum.records += adopted.records
      sum.damaged += adopted.damaged
    }
    return sum
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#sayOnce('ERROR', this.#folder, 'the journal folder cannot be read', error)
      return []
    }
  }

  /** Takes over all that belongs to an owner that has ended. */
  #inherit(token: string): Adopted {
    const taken = takeOver(this.#folder, token)
    if (taken.kind === 'alive') {
      this.#sayOnce('INFO', token, 'journal segments are left alone: their gateway runs', taken.why)
      return { records: 0, damaged: 0 }
    }
    const { owner } = taken
    // Only now: the holder before us may have read and removed some.
    const files = this.#names().flatMap((name) => journalFile(name) ?? [])
    const sum = { records: 0, damaged: 0 }
    for (const file of files.filter((one) => one.owner === token)) {
      const path = join(this.#folder, file.name)
      if (file.kind === 'unfinished') this.#orphans.push({ path, owner, bytes: sizeOf(path) })
      else {
        const adopted = this.#addSegment(path, file.sequence, owner)
        sum.records += adopted.records
        sum.damaged += adopted.damaged
      }
    }
    this.#inherited.add(owner)
    const { records, damaged } = sum
    if (records + damaged > 0) this.#sayAdopted({ owner: token, records, damaged })
    this.#releaseIfEmpty(owner)
    return sum
  }

  /** Takes over segments of a process of an earlier version by giving them our own name, which only one can do. */
  #adoptEarlier(processId: string, all: readonly JournalFile[]): Adopted {
    const sum = { records: 0, damaged: 0 }
    const files = all.filter(({ owner }) => owner === processId)
    const paths = files.map(({ name }) => join(this.#folder, name))
    const open = hasOpen(Number(processId), paths.map(realPath))
    if (open === true) {
      this.#sayOnce(
        'INFO',
        processId,
        'journal segments are left alone: their gateway runs',
        `process ${processId}, of an earlier version, has them open`,
      )
      return sum
    }
    const quietMs = open === undefined ? QUIET_IN_DOUBT_MS : QUIET_MS
    for (const [i, { sequence }] of files.entries()) {
      if (!this.#isQuiet(paths[i]!, quietMs)) {
        this.#sayOnce(
          'INFO',
          processId,
          'journal segments of an earlier version are left alone for now',
          `they changed within ${quietMs / 1000} s`,
        )
        continue
      }
      try {
        closeSync(openSync(paths[i]!, 'r'))
        const same = this.#pathOf('journal', sequence)
        const path = existsSync(same) ? this.#pathOf('journal', this.#nextSequence()) : same
        renameSync(paths[i]!, path)
        const adopted = this.#addSegment(path, sequence, this.#own!)
        sum.records += adopted.records
        sum.damaged += adopted.damaged
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          this.#sayOnce('ERROR', paths[i]!, 'a journal segment cannot be taken over', error)
      }
    }
    if (sum.records + sum.damaged > 0) this.#sayAdopted({ owner: `process ${processId}`, ...sum })
    return sum
  }

  /** Whether a file has not changed for some time: by the clock, and where that went wrong, since it was first seen. */
  #isQuiet(path: string, quietMs: number): boolean {
    try {
      const { size, mtimeMs } = statSync(path)
      const state = `${size} ${mtimeMs}`
      const seen = this.#seen.get(path)
      if (seen?.state !== state) this.#seen.set(path, { state, atMs: performance.now() })
      else if (performance.now() - seen.atMs >= quietMs) return true
      return Date.now() - mtimeMs >= quietMs
    } catch {
      return false
    }
  }

  #addSegment(path: string, sequence: number, owner: JournalOwner): Adopted {
    const segment: Segment = {
      path,
      sequence,
      owner,
      unread: [],
      records: 0,
      bytes: 0,
      damaged: false,
      unreadable: false,
    }
    let damaged = 0
    try {
      damaged = measure(segment)
    } catch (error) {
      // Its records are not counted before they have been seen.
      this.#sayOnce('ERROR', path, 'a journal segment cannot be read and is left where it is', error)
      return { records: 0, damaged: 0 }
    }
    if (damaged > 0) this.#sayDamaged(segment, damaged)
    this.#segments.push(segment)
    this.#segments.sort((a, b) => a.sequence - b.sequence || (a.path < b.path ? -1 : 1))
    this.#dropRead()
    return { records: segment.records, damaged }
  }

  /**
   * Appends payloads, all or none.
   *
   * @param payloads JSON objects
   * @throws JournalFullError, or the file system's error; nothing of the batch is left behind then
   */
  append(payloads: readonly Uint8Array[]): void {
    const block = encodeRecords(payloads)
    if (this.bytes + block.length > this.#maxBytes) throw new JournalFullError('the journal is full')
    const { segment, fd } = this.#openTail()
    try {
      writeAt(fd, block, segment.bytes)
      fdatasyncSync(fd)
    } catch (error) {
      try {
        ftruncateSync(fd, segment.bytes)
      } catch {
        // The torn tail is recognised by its checksum anyway.
      }
      throw error
    }
    const last = segment.unread.at(-1)
    const end = segment.bytes + block.length
    if (last?.end === segment.bytes) last.end = end
    else segment.unread.push({ start: segment.bytes, end })
    segment.records += payloads.length
    segment.bytes = end
  }

  /** Reads the oldest records, up to `maxRecords` and about `maxBytes`; none when there are none, or none that can be read now. */
  peek(maxRecords: number, maxBytes: number): JournalBatch {
    for (const segment of this.#segments) {
      if (segment.unreadable || segment.records === 0) continue
      try {
        return this.#read(segment, maxRecords, maxBytes)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.#takenAway(segment)
        segment.unreadable = true
        this.#sayOnce(
          'ERROR',
          segment.path,
          'a journal segment cannot be read and is left where it is',
          error,
        )
      }
    }
    return NOTHING
  }

  #read(segment: Segment, maxRecords: number, maxBytes: number): JournalBatch {
    const payloads: Uint8Array[] = []
    let bytes = 0
    let at = segment.unread[0]!.start
    const fd = openSync(segment.path, 'r')
    try {
      for (const { start, end } of segment.unread) {
        at = Math.max(at, start)
        while (at < end && payloads.length < maxRecords && bytes < maxBytes) {
          const payload = readRecord(fd, at)
          if (!payload && payloads.length === 0) return this.#damagedSince(segment, at)
          if (!payload) break
          payloads.push(payload)
          bytes += payload.length
          at += HEADER_BYTES + payload.length
        }
        if (at < end) break
      }
    } finally {
      closeSync(fd)
    }
    const commit = (): void => {
      // More may have been appended meanwhile.
      segment.unread = segment.unread.filter(({ end }) => end > at)
      if (segment.unread[0] && segment.unread[0].start < at) segment.unread[0].start = at
      segment.records -= payloads.length
      this.#dropRead()
    }
    const keepFile = (): void => void (segment.damaged = true)
    return { payloads, commit, keepFile, lost: 0, damaged: 0 }
  }

  #takenAway(segment: Segment): JournalBatch {
    const lost = segment.records
    this.#forget(segment)
    this.#releaseIfEmpty(segment.owner)
    return { ...NOTHING, lost }
  }

  /** A segment whose records were whole when it was opened or written, and are not any more. */
  #damagedSince(segment: Segment, from: number): JournalBatch {
    const before = segment.records
    const bytes = readFileSync(segment.path)
    const { whole, damaged } = scanRecords(bytes, from)
    segment.unread = whole.map(({ start, end }) => ({ start, end }))
    segment.records = whole.reduce((sum, { records }) => sum + records, 0)
    const missing = Math.max(0, before - segment.records)
    // A file that has become shorter has nothing to keep.
    const kept = damaged.length > 0
    if (kept) this.#sayDamaged(segment, missing)
    this.#dropRead()
    return { ...NOTHING, lost: kept ? 0 : missing, damaged: kept ? missing : 0 }
  }

  /**
   * Writes records that are being worked on, so that they outlive this process, but for a loss of power: the next start has them. Each goes
   * with `letGo`.
   *
   * @throws JournalFullError, or the file system's error
   */
  keepUnfinished(payloads: readonly Uint8Array[]): UnfinishedFile {
    const block = encodeRecords(payloads)
    if (this.bytes + block.length > this.#maxBytes) throw new JournalFullError('the journal is full')
    let file = this.#unfinishedTail
    if (!file || file.bytes >= SEGMENT_BYTES || !existsSync(file.path)) {
      const path = this.#pathOf('unfinished', this.#nextSequence())
      file = { path, fd: openPrivateFile(path, 'wx'), bytes: 0, waiting: 0 }
      this.#unfinished.add(file)
      this.#unfinishedTail = file
    }
    writeAt(file.fd, block, file.bytes)
    file.bytes += block.length
    file.waiting += payloads.length
    return file
  }

  /** One of the records of a file is safe elsewhere. */
  letGo(file: UnfinishedFile): void {
    file.waiting -= 1
    if (file.waiting > 0 || !this.#unfinished.has(file)) return
    if (this.#unfinishedTail === file) this.#unfinishedTail = undefined
    this.#unfinished.delete(file)
    closeSync(file.fd)
    this.#remove(file.path)
  }

  /** Records that were worked on when their process ended; none before all others have been read, for those may be the same, but whole. */
  peekUnfinished(): Pick<JournalBatch, 'payloads' | 'commit'> {
    const [orphan] = this.#orphans
    if (!orphan || this.records > 0) return NOTHING
    const { path, owner } = orphan
    let payloads: Uint8Array[] | undefined
    try {
      const bytes = readFileSync(path)
      payloads = scanRecords(bytes).whole.flatMap((stretch) => payloadsIn(bytes, stretch))
    } catch (error) {
      this.#sayOnce('ERROR', path, 'a journal segment cannot be read and is left where it is', error)
    }
    const commit = (): void => {
      this.#orphans = this.#orphans.filter((other) => other !== orphan)
      if (payloads) this.#remove(path)
      this.#releaseIfEmpty(owner)
    }
    return { payloads: payloads ?? [], commit }
  }

  /** Closes its files and gives its locks back; what is left is taken over by the next. */
  close(): void {
    if (this.#tail) closeSync(this.#tail.fd)
    this.#tail = undefined
    for (const { path, fd, waiting } of this.#unfinished) {
      closeSync(fd)
      if (waiting === 0) this.#remove(path)
    }
    this.#unfinished.clear()
    this.#unfinishedTail = undefined
    const owners = [...this.#inherited, ...(this.#own ? [this.#own] : [])]
    for (const owner of owners) this.#release(owner)
    this.#own = undefined
    this.#segments = []
    this.#orphans = []
  }

  #openTail(): { segment: Segment; fd: number } {
    const tail = this.#tail
    // What is written to a file that was deleted can never be read.
    if (tail && tail.segment.bytes < SEGMENT_BYTES && existsSync(tail.segment.path)) return tail
    if (tail) closeSync(tail.fd)
    this.#tail = undefined
    const sequence = this.#nextSequence()
    const path = this.#pathOf('journal', sequence)
    const fd = openPrivateFile(path, 'wx')
    syncFolder(this.#folder)
    const segment = {
      path,
      sequence,
      owner: this.#own!,
      unread: [],
      records: 0,
      bytes: 0,
      damaged: false,
      unreadable: false,
    }
    this.#segments.push(segment)
    this.#tail = { segment, fd }
    return this.#tail
  }

  #nextSequence(): number {
    return (this.#sequence = Math.max(this.#sequence, ...this.#segments.map(({ sequence }) => sequence)) + 1)
  }

  /** Path of a file of our own; makes the folder, and makes us an owner in it, where that is not so. */
  #pathOf(kind: JournalFile['kind'], sequence: number): string {
    makePrivateFolder(this.#folder)
    if (this.#own && !isOwnerIn(this.#folder, this.#own)) {
      releaseOwner(this.#folder, this.#own, false)
      this.#own = undefined
    }
    this.#own ??= newJournalOwner(this.#folder)
    return join(this.#folder, `${kind}-${String(sequence).padStart(10, '0')}-${this.#own.token}.log`)
  }

  /** Removes segments that have been read to their end; those with damage are kept under another name. */
  #dropRead(): void {
    for (const segment of this.#segments.filter(({ unread }) => unread.length === 0)) {
      this.#forget(segment)
      // One that stays where it is must not be taken over again: its owner's lock stays with us.
      if (this.#putAway(segment)) this.#releaseIfEmpty(segment.owner)
    }
  }

  /** @returns whether the segment is gone from where it was */
  #putAway({ path, damaged }: Segment): boolean {
    if (!damaged) return this.#remove(path)
    try {
      renameSync(path, join(this.#folder, `quarantine-${basename(path)}`))
      return true
    } catch (error) {
      this.#sayOnce(
        'ERROR',
        path,
        'a damaged journal segment cannot be put in quarantine and stays where it is',
        error,
      )
      return false
    }
  }

  #forget(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment)
    if (this.#tail?.segment !== segment) return
    closeSync(this.#tail.fd)
    this.#tail = undefined
  }

  /** @returns whether the file is gone */
  #remove(path: string): boolean {
    try {
      unlinkSync(path)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true
      this.#sayOnce('ERROR', path, 'a journal segment that has been read cannot be removed', error)
      return false
    }
  }

  /** Gives an inherited owner's lock back once nothing of it is left to be read. */
  #releaseIfEmpty(owner: JournalOwner): void {
    if (!this.#inherited.has(owner)) return
    if ([...this.#segments, ...this.#orphans].every((file) => file.owner !== owner)) this.#release(owner)
  }

  #release(owner: JournalOwner): void {
    this.#inherited.delete(owner)
    const empty = this.#names().every((name) => journalFile(name)?.owner !== owner.token)
    releaseOwner(this.#folder, owner, empty)
  }

  #sayAdopted(fields: { readonly owner: string; readonly records: number; readonly damaged: number }): void {
    this.#log('INFO', 'journal segments of a gateway that has ended were taken over', {
      folder: this.#folder,
      ...fields,
    })
  }

  #sayDamaged(segment: Segment, damaged: number): void {
    segment.damaged = true
    this.#log(
      'ERROR',
      'a journal segment is damaged; what is whole in it is read, and the file is kept in quarantine',
      {
        segment: segment.path,
        damaged,
        readable: segment.records,
      },
    )
  }

  /** Once for each subject and message. */
  #sayOnce(level: 'INFO' | 'ERROR', subject: string, message: string, reason: unknown): void {
    const said = `${message} ${subject}`
    if (this.#said.has(said)) return
    this.#said.add(said)
    const why = reason instanceof Error ? reason.message : String(reason)
    this.#log(level, message, { folder: this.#folder, owner: basename(subject), reason: why })
  }
}

const NOTHING: JournalBatch = { payloads: [], commit: () => {}, keepFile: () => {}, lost: 0, damaged: 0 }

/** Matches the whole records of a segment. @returns how many stretches are damaged */
function measure(segment: Segment): number {
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
  // Only damage takes the memory of a whole segment.
  const { whole, damaged } = scanRecords(readFileSync(segment.path), segment.bytes)
  for (const { start, end, records } of whole) {
    segment.unread.push({ start, end })
    segment.records += records
  }
  segment.bytes = Math.max(segment.bytes, ...[...whole, ...damaged].map(({ end }) => end))
  return damaged.length
}
