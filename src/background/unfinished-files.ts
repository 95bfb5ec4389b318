import { closeSync, existsSync } from 'node:fs'
import { openPrivateFile } from '../files/private-files.ts'
import { writeAt } from './journal-files.ts'

/** A file of records in progress. It is deleted when all of them have been released. */
export interface UnfinishedFile {
  readonly path: string
  readonly fd: number
  bytes: number
  waiting: number
}

/** The open files of records that this process works on. Its caller removes them. */
export class UnfinishedFiles {
  readonly #maxBytes: number
  readonly #files = new Set<UnfinishedFile>()
  #tail: UnfinishedFile | undefined

  /** @param maxBytes size at which another file begins */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes on disk. */
  get bytes(): number {
    let bytes = 0
    for (const file of this.#files) bytes += file.bytes
    return bytes
  }

  /** Writes encoded records. @param newPath where another file is to lie @throws the file system's error */
  write(block: Buffer, records: number, newPath: () => string): UnfinishedFile {
    let file = this.#tail
    if (!file || file.bytes >= this.#maxBytes || !existsSync(file.path)) {
      const path = newPath()
      file = { path, fd: openPrivateFile(path, 'wx'), bytes: 0, waiting: 0 }
      this.#files.add(file)
      this.#tail = file
    }
    writeAt(file.fd, block, file.bytes)
    file.bytes += block.length
    file.waiting += records
    return file
  }

  /** One of the records of a file is safe elsewhere. @returns whether it was the last one, so that the file can go */
  letGo(file: UnfinishedFile): boolean {
    file.waiting -= 1
    if (file.waiting > 0 || !this.#files.has(file)) return false
    if (this.#tail === file) this.#tail = undefined
    this.#files.delete(file)
    closeSync(file.fd)
    return true
  }

  /** Closes all files. @returns paths of those that can go */
  close(): readonly string[] {
    const files = [...this.#files]
    for (const { fd } of files) closeSync(fd)
    this.#files.clear()
    this.#tail = undefined
    return files.filter(({ waiting }) => waiting === 0).map(({ path }) => path)
  }
}
