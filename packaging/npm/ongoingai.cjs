#!/usr/bin/env node
'use strict'
// Starts the executable that the package of this platform carries, and ends as it does.

const { join, dirname } = require('node:path')
const relay = require('./relay.cjs')

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

relay(executable(), process.argv.slice(2))
