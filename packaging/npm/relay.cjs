'use strict'
const { spawn } = require('node:child_process')

/** Starts a program on this one's terminal, passes signals on, and ends as it does. */
module.exports = function relay(program, words) {
  const child = spawn(program, words, { stdio: 'inherit' })
  child.on('error', (error) => {
    console.error(`ongoingai: ${error.message}`)
    process.exit(1)
  })
  // A terminal sends SIGINT to both; the child decides when it is over.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}
