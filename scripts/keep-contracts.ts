// Keeps what this version promises, for later versions' tests to be held to: `bun scripts/keep-contracts.ts`. Part of every release
// (CONTRIBUTING.md).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { presentContracts } from '../test/support/contracts.ts'

const root = join(import.meta.dir, '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const path = join(root, `test/fixtures/released/${version}.json`)
await Bun.write(path, `${JSON.stringify(presentContracts(), null, 1)}\n`)
console.log(path)
