import { closeSync, fsyncSync, renameSync, rmSync, writeSync } from 'node:fs'
import { openPrivateFile } from './private-files.ts'

/** Writes a file that only its owner may read, whole or not at all: next to its place first, then moved there. */
export function writeFileAtomically(path: string, bytes: Uint8Array): void {
  const beside = `${path}.${process.pid}.part`
  const file = openPrivateFile(beside, 'w')
  try {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
    fsyncSync(file)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  renameSync(beside, path)
}
