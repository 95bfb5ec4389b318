import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The pepper that lies in a file, made at the first start: 32 random bytes in hexadecimal, for its owner alone.
 *
 * @throws Error when it can be neither read nor made
 */
export function pepperFrom(path: string): string {
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
    return pepper
  } catch (error) {
    // Another process was quicker.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return read(path)
    throw error
  }
}

function read(path: string): string {
  const pepper = readFileSync(path, 'utf8').trim()
  if (pepper.length < 32) throw new Error(`"${path}" holds no pepper: it is shorter than 32 characters`)
  return pepper
}
