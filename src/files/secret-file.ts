import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makePrivateFolder, openPrivateFile } from './private-files.ts'

/**
 * The secrets that lie in a file, made at the first start: 32 random bytes in hexadecimal, for its owner alone. A line put before
 * the first makes that the one in use; what the others are good for is their user's matter.
 *
 * @param noun what a secret of the file is called
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

/** The same of a file that is there. @throws Error when it cannot be read, or holds none */
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
