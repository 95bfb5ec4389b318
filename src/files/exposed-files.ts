import { chmodSync, existsSync, lstatSync, readdirSync, realpathSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Files beside the journal that hold secrets. */
const SECRETS = ['gateway-keys.pepper', 'redaction.key']

/** The settings that name the gateway's files. */
export interface GatewayFiles {
  readonly storage: { readonly driver: 'sqlite'; readonly path: string } | { readonly driver: 'postgres' }
  readonly tracing: { readonly journal: { readonly path: string } }
}

/** Bits of a mode that let others than the owner in. */
const OTHERS = 0o077

/**
 * Files and folders of the gateway that others than their owner may read, by their full paths: store, journal, quarantine,
 * secrets, locks. A folder counts when it holds nothing but our files and is not the working directory. What belongs to another
 * user is his matter. Windows has other permissions: nothing there.
 */
export function exposedFiles(config: GatewayFiles): string[] {
  if (process.platform === 'win32') return []
  const { journal, store, folders } = placesOf(config)
  const isOurs = (path: string): boolean => {
    const name = basename(path)
    if (path === journal) return true
    if (store && (path === store || path.startsWith(`${store}-`) || path.startsWith(`${store}.`))) return true
    if (dirname(path) === journal) return /^(journal|quarantine)|\.lock$/.test(name)
    return dirname(path) === dirname(journal) && SECRETS.includes(name)
  }
  return folders.flatMap((folder) => {
    const paths = entriesOf(folder)
    const ours = paths.filter(isOurs)
    const whole =
      ours.length === paths.length && folder !== process.cwd() && (ours.length > 0 || folder === journal)
    // A link has no mode of its own, and its target may belong to others.
    const files = ours.filter(
      (path) => path !== journal && isExposed(lstatSync(path, { throwIfNoEntry: false })),
    )
    return whole && isExposed(statsOf(folder)) ? [folder, ...files] : files
  })
}

/**
 * Folders of the gateway in which other users can replace its files: its keys, its record. Folders that a start closes do not count. In a folder
 * like `/tmp` everybody may replace his own only.
 */
export function replaceableFolders(config: GatewayFiles): string[] {
  if (process.platform === 'win32') return []
  const closed = exposedFiles(config)
  return placesOf(config).folders.filter((folder) => {
    const mode = statsOf(folder)?.mode ?? 0
    return (mode & 0o1002) === 0o002 && !closed.includes(folder)
  })
}

/** Journal, store if it is a file, and the folders that hold them. */
function placesOf({ storage, tracing }: GatewayFiles): {
  readonly journal: string
  readonly store: string | undefined
  readonly folders: readonly string[]
} {
  const journal = whereLinksLead(tracing.journal.path)
  const store =
    storage.driver === 'sqlite' && storage.path !== ':memory:' ? whereLinksLead(storage.path) : undefined
  const folders = [...new Set([journal, dirname(journal), ...(store ? [dirname(store)] : [])])]
  return { journal, store, folders }
}

/** The path without links, as far as it exists: SQLite puts its other files next to the target of a link. */
function whereLinksLead(path: string): string {
  const full = resolve(path)
  if (existsSync(full)) return realpathSync(full)
  const folder = dirname(full)
  return folder === full ? full : join(whereLinksLead(folder), basename(full))
}

/** Makes exposed files and folders their owner's alone. @returns those that could not be changed */
export function closeExposed(paths: readonly string[]): string[] {
  return paths.filter((path) => {
    try {
      chmodSync(path, statSync(path).isDirectory() ? 0o700 : 0o600)
      return false
    } catch {
      return true
    }
  })
}

function statsOf(folder: string): Stats | undefined {
  try {
    return statSync(folder)
  } catch {
    // It is not there, or below a file.
    return undefined
  }
}

function isExposed(stats: Stats | undefined): boolean {
  if (!stats || stats.isSymbolicLink()) return false
  return stats.uid === process.getuid?.() && (stats.mode & OTHERS) !== 0
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return []
  }
}
