import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync } from 'node:fs'

/** What the program makes is for its owner alone: it holds content, secrets, or what was spent by whom. */
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** Makes a folder and those above it, whatever the umask. Folders that are there stay as they are. @throws Error from the file system */
export function makePrivateFolder(path: string): void {
  const made = mkdirSync(path, { recursive: true, mode: FOLDER_MODE })
  if (made !== undefined) whereThereAreModes(() => chmodSync(path, FOLDER_MODE))
}

/** Opens a file for writing that is its owner's alone from now on, whatever the umask. @throws Error from the file system */
export function openPrivateFile(path: string, flags: 'w' | 'wx' | 'a' | 'r+'): number {
  const file = openSync(path, flags, FILE_MODE)
  whereThereAreModes(() => fchmodSync(file, FILE_MODE))
  return file
}

/** Makes an empty file for somebody else to open. One that is there stays as it is. @throws Error from the file system */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openPrivateFile(path, 'wx'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Some file systems have no modes of their own and refuse to set one; a start warns of files there that others may read. */
function whereThereAreModes(change: () => void): void {
  try {
    change()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error
  }
}
