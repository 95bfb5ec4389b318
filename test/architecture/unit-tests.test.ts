import { Glob } from 'bun'
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// What lies beside the sources is a unit test, `npm run test:unit`: values in, values out. It may read fixtures, and nothing else of the world.
const SOURCES = join(import.meta.dir, '../../src')

const MODULES =
  /from '(?:node:(?:net|http|https|http2|tls|dgram|dns|child_process|worker_threads)|bun:sqlite|pg)'/
const CALLS =
  /\b(?:fetch|openGateway|startGateway|openTestPostgres|serveProgram|runProgram)\(|\bBun\.(?:serve|listen|connect|udpSocket|spawn|spawnSync|\$|sql|redis)\b|\bnew (?:Worker|WebSocket|EventSource)\(/
const WRITES = /\b(?:mkdtemp|mkdir|writeFile|appendFile)(?:Sync)?\(|\bBun\.write\(/

const files = [...new Glob('**/*.test.ts').scanSync(SOURCES)]
const matches = (pattern: RegExp): string[] =>
  files.flatMap((file) => {
    const found = pattern.exec(readFileSync(join(SOURCES, file), 'utf8'))
    return found ? [`${file}: ${found[0]}`] : []
  })

test('unit tests open no socket, no database, no process and no thread', () => {
  expect(files.length).toBeGreaterThan(50)
  expect([...matches(MODULES), ...matches(CALLS)]).toEqual([])
})

test('unit tests write no file', () => {
  expect(matches(WRITES)).toEqual([])
})
