import { appendFileSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { makePrivateFolder, openPrivateFile } from '../files/private-files.ts'

/**
 * Puts a record aside that the store will never take. A line of `quarantine.jsonl` in the journal's folder has the reason and the record: as
 * `trace` when it is JSON, else as `payload` in base64. It can be read, repaired and replayed by hand.
 *
 * @throws the file system's error
 */
export function quarantine(folder: string, payload: Uint8Array, reason: string): void {
  makePrivateFolder(folder)
  const line = `{"reason":${JSON.stringify(reason)},${recordOf(payload)}}\n`
  const file = openPrivateFile(join(folder, 'quarantine.jsonl'), 'a')
  try {
    appendFileSync(file, line)
  } finally {
    closeSync(file)
  }
}

function recordOf(payload: Uint8Array): string {
  const text = Buffer.from(payload).toString('utf8')
  try {
    JSON.parse(text)
    return `"trace":${text}`
  } catch {
    return `"payload":"${Buffer.from(payload).toString('base64')}"`
  }
}
