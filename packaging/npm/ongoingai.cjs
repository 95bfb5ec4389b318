#!/usr/bin/env node
'use strict'
// Starts the executable that the package of this platform carries, and ends as it does.

const { spawn } = require('node:child_process')
const { join, dirname } = require('node:path')

function suffix() {
  if (process.platform !== 'linux') return `${process.platform}-${process.arch}`
  const { header } = process.report.getReport()
  return `linux-${process.arch}${header.glibcVersionRuntime ? '' : '-musl'}`
}

function executable() {
  const name = `@ongoingai/gateway-${suffix()}`
  try {
    const folder = dirname(require.resolve(`${name}/package.json`))
    return join(folder, 'bin', process.platform === 'win32' ? 'ongoingai.exe' : 'ongoingai')
  } catch {
    console.error(`ongoingai: the package ${name} is not installed.`)
    console.error(
      'It comes with @ongoingai/gateway as an optional dependency: install again without --omit=optional.',
    )
    console.error('If there is no such package, nothing is built for this platform.')
    process.exit(1)
  }
}

const child = spawn(executable(), process.argv.slice(2), { stdio: 'inherit' })
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
