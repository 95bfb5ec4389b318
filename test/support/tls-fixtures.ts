import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dir, '../fixtures/tls')

/**
 * Where a certificate or key of the tests lies. `ca.pem` signed `server.pem` (`llm.internal.test`, `localhost`, `127.0.0.1`) and
 * `client.pem`; they hold until 2126.
 */
export function tlsPath(name: string): string {
  return join(FOLDER, name)
}

/** The same as a text. */
export function tlsFixture(name: string): string {
  return readFileSync(tlsPath(name), 'utf8')
}
