import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { makePrivateFolder, openPrivateFile } from '../files/private-files.ts'
import { journalFile, payloadsIn, sizeOf, syncFolder, writeAt, type JournalFile } from './journal-files.ts'
import {
  isOwnerIn,
  lockTokens,
  newJournalOwner,
  releaseOwner,
  takeOver,
  type JournalOwner,
} from './journal-owner.ts'
import { encodeRecords, scanRecords } from './journal-records.ts'
import {
  markRead,
  measureAgain,
  measureSegment,
  newSegment,
  readSegment,
  type Segment,
} from './journal-segment.ts'
import { adoptedTogether, NO_RECORDS, type Adopted, type JournalBatch } from './journal-batch.ts'
import { UnfinishedFiles, type UnfinishedFile } from './unfinished-files.ts'
import { EarlierSegments } from './earlier-segments.ts'
import { JournalNotes, type JournalLog } from './journal-notes.ts'

/** A new segment begins at this size, so that the disk space of replayed ones is freed. */
const SEGMENT_BYTES = 16 * 1024 * 1024

/** The journal would exceed its size. */
export class JournalFullError extends Error {
  override readonly name = 'JournalFullError'
}

/**
 * An append-only journal in a folder that several gateways may share: segments of checksummed records (`journal-records.ts`), read back in
 * order. How far it has been read is kept in memory only. After a crash the rest of the oldest segment is read again, so the reader must
 * handle each record idempotently.
 *
 * A segment's name contains its owner, which holds a lock as long as it lives. The first gateway that gets the lock of an ended owner takes
 * its segments over. Segments of living owners stay. Earlier versions put their process id there and take no lock: their segments are taken
 * over when no process has them open and they have not changed for a while.
 *
 * Damage costs only the damaged records. Reading continues after them, and the file is kept as `quarantine-<name>`.
 */
export class Journal {
  readonly #folder: string
  readonly #maxBytes: number
  readonly #notes: JournalNotes
  readonly #earlier: EarlierSegments
  #own: JournalOwner | undefined
  /** Owners that have ended and have segments left. */
  readonly #inherited = new Set<JournalOwner>()
  /** In the order in which they are read. */
  #segments: Segment[] = []
  #tail: { segment: Segment; fd: number } | undefined
  /** Files of records that were worked on when their process ended. */
  #orphans: { readonly path: string; readonly owner: JournalOwner; readonly bytes: number }[] = []
  readonly #unfinished = new UnfinishedFiles(SEGMENT_BYTES)
  #sequence = 0

  /**
   * The first append creates the folder. `adopt` takes over what others have left there.
   *
   * @param maxBytes size at which `append` throws JournalFullError
   */
  constructor(folder: string, maxBytes: number, log: JournalLog = () => undefined) {
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#notes = new JournalNotes(folder, log)
    this.#earlier = new EarlierSegments(folder, this.#notes)
  }

  /** Records that have been appended or taken over, and not yet committed as read. */
  get records(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.records, 0)
  }

  /** Bytes on disk. */
  get bytes(): number {
    const sum = (files: readonly { readonly bytes: number }[]): number =>
      files.reduce((bytes, file) => bytes + file.bytes, 0)
    return sum(this.#segments) + sum(this.#orphans) + this.#unfinished.bytes
  }

  /** Whether records are left that were worked on when their process ended. */
  get hasUnfinished(): boolean {
    return this.#orphans.length > 0
  }

  /** Looks for segments whose owner has ended, and takes them over. Looks again at those that could not be opened. */
  adopt(): Adopted {
    for (const segment of this.#segments) segment.unreadable = false
    const names = this.#names()
    const files = names.flatMap((name) => journalFile(name) ?? [])
    const known = new Set([this.#own, ...this.#inherited].map((owner) => owner?.token))
    const tokens = new Set([...files.map(({ owner }) => owner), ...lockTokens(names)])
    return adoptedTogether(
      [...tokens]
        .filter((token) => !known.has(token))
        .map((token) => (/^\d/.test(token) ? this.#adoptEarlier(token, files) : this.#inherit(token))),
    )
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#notes.once('ERROR', this.#folder, 'the journal folder cannot be read', error)
      return []
    }
  }

  /** Takes over all that belongs to an owner that has ended. */
  #inherit(token: string): Adopted {
    const taken = takeOver(this.#folder, token)
    if (taken.kind === 'alive') {
      this.#notes.once('INFO', token, 'journal segments are left alone: their gateway runs', taken.why)
      return { records: 0, damaged: 0 }
    }
    const { owner } = taken
    // Only now: the holder before us may have read and removed some.
    const files = this.#names().flatMap((name) => journalFile(name) ?? [])
    const adopted: Adopted[] = []
    for (const file of files.filter((one) => one.owner === token)) {
      const path = join(this.#folder, file.name)
      if (file.kind === 'unfinished') this.#orphans.push({ path, owner, bytes: sizeOf(path) })
      else adopted.push(this.#addSegment(path, file.sequence, owner))
    }
    this.#inherited.add(owner)
    const sum = adoptedTogether(adopted)
    if (sum.records + sum.damaged > 0) this.#notes.adopted({ owner: token, ...sum })
    this.#releaseIfEmpty(owner)
    return sum
  }

  /** Takes over segments of a process of an earlier version by giving them our own name, which only one can do. */
  #adoptEarlier(processId: string, all: readonly JournalFile[]): Adopted {
    const adopted: Adopted[] = []
    const files = all.filter(({ owner }) => owner === processId)
    for (const { name, sequence } of this.#earlier.abandoned(processId, files)) {
      const before = join(this.#folder, name)
      try {
        closeSync(openSync(before, 'r'))
        const same = this.#pathOf('journal', sequence)
        const path = existsSync(same) ? this.#pathOf('journal', this.#nextSequence()) : same
        renameSync(before, path)
        adopted.push(this.#addSegment(path, sequence, this.#own!))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          this.#notes.once('ERROR', before, 'a journal segment cannot be taken over', error)
      }
    }
    const sum = adoptedTogether(adopted)
    if (sum.records + sum.damaged > 0) this.#notes.adopted({ owner: `process ${processId}`, ...sum })
    return sum
  }

  #addSegment(path: string, sequence: number, owner: JournalOwner): Adopted {
    const segment = newSegment(path, sequence, owner)
    let damaged = 0
    try {
      damaged = measureSegment(segment)
    } catch (error) {
      // Its records are not counted before they have been seen.
      this.#notes.unreadable(path, error)
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
   * @throws JournalFullError, or the file system's error; nothing of the batch remains then
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

  /** Reads the oldest records, up to `maxRecords` and about `maxBytes`; empty when there are none, or none can be read now. */
  peek(maxRecords: number, maxBytes: number): JournalBatch {
    for (const segment of this.#segments) {
      if (segment.unreadable || segment.records === 0) continue
      try {
        return this.#read(segment, maxRecords, maxBytes)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.#takenAway(segment)
        segment.unreadable = true
        this.#notes.unreadable(segment.path, error)
      }
    }
    return NO_RECORDS
  }

  #read(segment: Segment, maxRecords: number, maxBytes: number): JournalBatch {
    const read = readSegment(segment, { maxRecords, maxBytes })
    const { payloads, at } = read
    if (payloads.length === 0) return this.#damagedSince(segment, at)
    const commit = (): void => {
      markRead(segment, read)
      this.#dropRead()
    }
    const keepFile = (): void => void (segment.damaged = true)
    return { payloads, commit, keepFile, lost: 0, damaged: 0 }
  }

  #takenAway(segment: Segment): JournalBatch {
    const lost = segment.records
    this.#forget(segment)
    this.#releaseIfEmpty(segment.owner)
    return { ...NO_RECORDS, lost }
  }

  /** A segment that has become damaged since it was opened or written. */
  #damagedSince(segment: Segment, from: number): JournalBatch {
    const { missing, kept } = measureAgain(segment, from)
    if (kept) this.#sayDamaged(segment, missing)
    this.#dropRead()
    return { ...NO_RECORDS, lost: kept ? 0 : missing, damaged: kept ? missing : 0 }
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
    return this.#unfinished.write(block, payloads.length, () =>
      this.#pathOf('unfinished', this.#nextSequence()),
    )
  }

  /** One of the records of a file is safe elsewhere. */
  letGo(file: UnfinishedFile): void {
    if (this.#unfinished.letGo(file)) this.#remove(file.path)
  }

  /** Drafts of exchanges in progress when their process ended; empty until all other records have been read, which may be the complete ones. */
  peekUnfinished(): Pick<JournalBatch, 'payloads' | 'commit'> {
    const [orphan] = this.#orphans
    if (!orphan || this.records > 0) return NO_RECORDS
    const { path, owner } = orphan
    let payloads: Uint8Array[] | undefined
    try {
      const bytes = readFileSync(path)
      payloads = scanRecords(bytes).whole.flatMap((stretch) => payloadsIn(bytes, stretch))
    } catch (error) {
      this.#notes.unreadable(path, error)
    }
    const commit = (): void => {
      this.#orphans = this.#orphans.filter((other) => other !== orphan)
      if (payloads) this.#remove(path)
      this.#releaseIfEmpty(owner)
    }
    return { payloads: payloads ?? [], commit }
  }

  /** Closes its files and releases its locks. The next gateway takes over the rest. */
  close(): void {
    if (this.#tail) closeSync(this.#tail.fd)
    this.#tail = undefined
    for (const path of this.#unfinished.close()) this.#remove(path)
    for (const owner of [...this.#inherited, this.#own]) if (owner) this.#release(owner)
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
    const segment = newSegment(path, sequence, this.#own!)
    this.#segments.push(segment)
    this.#tail = { segment, fd }
    return this.#tail
  }

  #nextSequence(): number {
    return (this.#sequence = Math.max(this.#sequence, ...this.#segments.map(({ sequence }) => sequence)) + 1)
  }

  /** Path of an own file. Creates the folder, and makes this process an owner in it, if needed. */
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
      // A segment that stays must not be taken over again, so this process keeps its owner's lock.
      if (this.#putAway(segment)) this.#releaseIfEmpty(segment.owner)
    }
  }

  /** @returns whether the segment was removed */
  #putAway({ path, damaged }: Segment): boolean {
    if (!damaged) return this.#remove(path)
    try {
      renameSync(path, join(this.#folder, `quarantine-${basename(path)}`))
      return true
    } catch (error) {
      this.#notes.once(
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
      this.#notes.once('ERROR', path, 'a journal segment that has been read cannot be removed', error)
      return false
    }
  }

  /** Releases an inherited owner's lock once all of it has been read. */
  #releaseIfEmpty(owner: JournalOwner): void {
    if (!this.#inherited.has(owner)) return
    if ([...this.#segments, ...this.#orphans].every((file) => file.owner !== owner)) this.#release(owner)
  }

  #release(owner: JournalOwner): void {
    this.#inherited.delete(owner)
    const empty = this.#names().every((name) => journalFile(name)?.owner !== owner.token)
    releaseOwner(this.#folder, owner, empty)
  }

  #sayDamaged(segment: Segment, damaged: number): void {
    segment.damaged = true
    this.#notes.damaged(segment.path, damaged, segment.records)
  }
}
