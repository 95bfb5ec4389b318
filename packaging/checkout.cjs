#!/usr/bin/env node
'use strict'
// `npx ongoingai` in a checkout: starts its sources with its own Bun. By itself Bun takes configuration, and with it code, from the
// folder it is started in: a bunfig.toml, a .env, the paths of a tsconfig.json. That folder may be anybody's, so it is given ours.

const { join } = require('node:path')
const relay = require('./npm/relay.cjs')

const root = join(__dirname, '..')
relay(join(root, 'node_modules/bun/bin/bun.exe'), [
  `--config=${join(root, 'bunfig.toml')}`,
  `--tsconfig-override=${join(root, 'tsconfig.json')}`,
  join(root, 'src/main.ts'),
  ...process.argv.slice(2),
])
