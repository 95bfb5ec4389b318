#!/usr/bin/env bun
import { runCommand } from './cli/run.ts'

// A reader that closes its end early (`ongoingai report | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
})

const status = await runCommand(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  environment: process.env,
  terminal: process.stdout.isTTY,
  errTerminal: process.stderr.isTTY,
  drained: () =>
    process.stdout.writableNeedDrain
      ? new Promise((resolve) => process.stdout.once('drain', () => resolve()))
      : Promise.resolve(),
})
process.exitCode = status
// Everything has been closed by now; whatever still holds the process open must not.
if (process.stdout.writableLength === 0) process.exit(status)
process.stdout.once('drain', () => process.exit(status))
