import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makePrivateFolder, openPrivateFile } from './private-files.ts'

/**
 * The secrets in a file: 32 random bytes in hexadecimal, created at the first start, readable by the owner alone. The first line is the
 * secret in use. The caller decides what the others are for.
 *
 * @param noun the name of a secret of the file, for messages
 * @throws Error when it can be neither read nor made
 */
export function secretsFrom(path: string, noun: string): readonly string[] {
  try {
    return readSecrets(path, noun)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  makePrivateFolder(dirname(path))
  const made = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
  try {
    const file = openPrivateFile(path, 'wx')
    writeFileSync(file, `${made}\n`)
    closeSync(file)
    return [made]
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readSecrets(path, noun)
    throw error
  }
}

/** The same for an existing file. @throws Error when it cannot be read, or holds no secret */
export function readSecrets(path: string, noun: string): readonly string[] {
  const secrets = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (secrets.length === 0 || secrets.some((secret) => secret.length < 32)) {
    throw new Error(`"${path}" holds no ${noun}: a line is shorter than 32 characters`)
  }
  return secrets
}
