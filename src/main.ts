import { reportCrashes } from './cli/report-crashes.ts'
import { runCommand } from './cli/run.ts'
import { withoutCredentials } from './redaction/without-credentials.ts'

reportCrashes()

/** Whether the program goes on when its output cannot be written. */
let outlivesReader = false

function unwritable({ code, message }: NodeJS.ErrnoException): void {
  if (outlivesReader) return
  // A reader that closes its end early (`ongoingai report | head`) is no error.
  if (code === 'EPIPE') process.exit(0)
  process.stderr.write(`failed to write the output: ${message}\n`)
  process.exit(1)
}

process.stdout.on('error', unwritable)
// Messages that nobody reads keep nothing from being done.
process.stderr.on('error', () => undefined)

/** Settles when all that was written to standard output has been taken over by the system. */
let written: Promise<void> = Promise.resolve()

process.exitCode = await runCommand(process.argv.slice(2), {
  out: (text) => {
    const before = written
    const taken = new Promise<void>((resolve) =>
      process.stdout.write(text, (error) => {
        if (error) unwritable(error)
        resolve()
      }),
    )
    written = before.then(() => taken)
  },
  // Messages repeat what drivers, servers and command lines said.
  err: (text) => void process.stderr.write(withoutCredentials(text)),
  environment: process.env,
  terminal: process.stdout.isTTY,
  errTerminal: process.stderr.isTTY,
  ...(process.stdin.isTTY && process.stdout.isTTY ? { confirm: (question) => confirm(question) } : {}),
  drained: () => written,
  outliveReader: () => {
    outlivesReader = true
  },
})
await written
// Everything has been closed by now; whatever still holds the process open must not.
process.exit()
