import { writeSync } from 'node:fs'
import { withoutCredentials } from '../redaction/without-credentials.ts'

/**
 * Reports an unexpected error, and ends the program. The runtime would print every property of the error too: URLs
 * with their queries, what a driver was given.
 */
export function reportCrashes(): void {
  const crashed = (error: unknown): never => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    writeSync(2, `${withoutCredentials(text)}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', crashed)
  process.on('unhandledRejection', crashed)
}
