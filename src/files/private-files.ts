import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  rmSync,
} from 'node:fs'

/** The program's files are for their owner alone: they hold content, secrets and spending. */
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/** Links are not followed. Windows has no such flag. */
const NO_FOLLOW = process.platform === 'win32' ? 0 : constants.O_NOFOLLOW

/** Makes a folder and those above it, whatever the umask. Folders that are there stay as they are. @throws Error from the file system */
export function makePrivateFolder(path: string): void {
  const made = mkdirSync(path, { recursive: true, mode: FOLDER_MODE })
  if (made !== undefined) whereThereAreModes(() => chmodSync(path, FOLDER_MODE))
}

/**
 * Opens a file for writing that is its owner's alone from now on, whatever the umask. If others can write to the folder, one of them may
 * have put a file or a link there: `w` makes a new file, `r+` continues one of this user.
 *
 * @throws Error from the file system, or if an existing file is not this user's
 */
export function openPrivateFile(path: string, flags: 'w' | 'wx' | 'a' | 'r+'): number {
  if (flags === 'w') rmSync(path, { force: true })
  const how = { w: 'wx', wx: 'wx', a: 'a', 'r+': constants.O_RDWR | NO_FOLLOW }[flags]
  const file = openSync(path, how, FILE_MODE)
  if (flags === 'r+' && fstatSync(file).uid !== (process.getuid?.() ?? 0)) {
    closeSync(file)
    throw new Error(`"${path}" belongs to another user`)
  }
  whereThereAreModes(() => fchmodSync(file, FILE_MODE))
  return file
}

/**
 * Creates an empty file for a library to open, at the end of a link if one leads there. An existing file stays unchanged.
 *
 * @throws Error from the file system
 */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openPrivateFile(path, 'wx'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    // A link that leads nowhere yet.
    if (!existsSync(path)) closeSync(openSync(path, constants.O_CREAT | constants.O_RDWR, FILE_MODE))
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
