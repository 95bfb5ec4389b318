import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The peppers that lie in a file, made at the first start: 32 random bytes in hexadecimal, for its owner alone. A line put before
 * the first makes that the pepper of new hashes; the others go on counting.
 *
 * @throws Error when it can be neither read nor made
 */
export function peppersFrom(path: string): readonly string[] {
  try {
    return read(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  mkdirSync(dirname(path), { recursive: true })
  const pepper = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
  try {
    writeFileSync(path, `${pepper}\n`, { mode: 0o600, flag: 'wx' })
    chmodSync(path, 0o600)
    return [pepper]
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return read(path)
    throw error
  }
}

function read(path: string): readonly string[] {
  const peppers = readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (peppers.length === 0 || peppers.some((pepper) => pepper.length < 32)) {
    throw new Error(`"${path}" holds no pepper: a line is shorter than 32 characters`)
  }
  return peppers
}
