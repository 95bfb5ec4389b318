import { runCommand } from './cli/run.ts'

// A reader that closes its end early (`ongoingai report | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})

/** Settles when all that was written to standard output has been taken over by the system. */
let written: Promise<void> = Promise.resolve()

process.exitCode = await runCommand(process.argv.slice(2), {
  out: (text) => {
    const before = written
    const taken = new Promise<void>((resolve) => process.stdout.write(text, () => resolve()))
    written = before.then(() => taken)
  },
  err: (text) => void process.stderr.write(text),
  environment: process.env,
  terminal: process.stdout.isTTY,
  errTerminal: process.stderr.isTTY,
  drained: () => written,
})
await written
// Everything has been closed by now; whatever still holds the process open must not.
process.exit()
