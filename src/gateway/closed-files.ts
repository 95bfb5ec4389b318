import type { Config } from '../config/config.ts'
import { closeExposed, exposedFiles, replaceableFolders } from '../files/exposed-files.ts'
import type { Log } from '../log.ts'

/** Closes files and folders to other users that earlier versions, or people, left readable. */
export function closeFiles(config: Config, log: Log): void {
  const exposed = exposedFiles(config)
  const folders = replaceableFolders(config)
  if (folders.length > 0)
    log('WARN', 'other users can replace files of the gateway: its folder lets them write', { folders })
  if (exposed.length === 0) return
  const left = closeExposed(exposed)
  const closed = exposed.filter((path) => !left.includes(path))
  if (closed.length > 0)
    log('WARN', 'files were open to other users; now only their owner may read them', { files: closed })
  if (left.length > 0)
    log('WARN', 'files are open to other users, and their mode cannot be changed', { files: left })
}
