import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { Glob } from 'bun'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIGRATIONS } from '../../src/storage/migrations/migrations.ts'
import { goTraces, makeGoSqlite } from '../support/go-gateway.ts'
import { runProgram } from '../support/process.ts'
import { CONTRACTS, violations } from '../support/strict-schema.ts'

setDefaultTimeout(30_000)

// What commands print as JSON is what `docs/contracts.yaml` says, member by member.

const ROOT = join(import.meta.dir, '../..')
const folder = mkdtempSync(join(tmpdir(), 'ongoingai-contracts-'))
const seen = new Set<string>()

beforeAll(() => {
  const fixture = readFileSync(join(ROOT, `test/fixtures/schemas/${MIGRATIONS.at(-1)!.name}.db.gz`))
  writeFileSync(join(folder, 'traces.db'), Bun.gunzipSync(Uint8Array.from(fixture)))
  writeFileSync(
    join(folder, 'ongoingai.yaml'),
    `storage: {path: ${folder}/traces.db}
pricing: {overrides: [{model: gpt-5.4-mini, input: 1, output: 2}, {model: unheard-of, free: true}]}
models: [{name: fast, require: {region: [eu]}, targets: [{provider: groq, model: a}, {provider: openai, model: b}]}]
providers: {openai: {region: eu}}
`,
  )
  makeGoSqlite(join(folder, 'go.db'), goTraces(20))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function hold(text: string): void {
  const document = JSON.parse(text) as { schema_version: string }
  expect([document.schema_version, violations(document)]).toEqual([document.schema_version, []])
  seen.add(document.schema_version)
}

const BUNDLE = join(folder, 'bundle')

test.each([
  'report',
  'report --from 2020-01-01 --to 2030-01-01 --provider openai --model gpt-5.4-mini --tag team=red --client Bun',
  'debug',
  `debug --trace-group-id group-1 --diff --include-headers --include-bodies --bundle-out ${BUNDLE}`,
  'doctor',
  'db status',
  'db check',
  'prices list --provider openai',
  'prices show gpt-5.4-mini',
  'prices check',
  'models explain fast',
  'reprice --dry-run',
  `import --from ${folder}/go.db`,
])('%s', async (line) => {
  const { out, err } = await runProgram([...line.split(' '), '--format', 'json'], { cwd: folder })
  expect(out === '' ? err : '').toBe('')
  hold(out)
  if (line.includes('--bundle-out'))
    for (const name of ['debug-chain.json', 'manifest.json']) hold(readFileSync(join(BUNDLE, name), 'utf8'))
})

test('redact', async () => {
  const input = 'write to anna@example.com'
  hold((await runProgram(['redact', '--format', 'json'], { cwd: folder, input })).out)
})

test('every contract was seen, and every one that the program names is written down', () => {
  expect([...seen].sort()).toEqual(Object.keys(CONTRACTS.contracts).sort())
  // Documents that only the management API sends are in its own description.
  const api = readFileSync(join(ROOT, 'openapi.yaml'), 'utf8')
  const named = [...new Glob('src/{cli,presentation}/*.ts').scanSync(ROOT)].flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/schema_version: '([\w.-]+)'/g)].map(
      ([, name]) => name!,
    ),
  )
  expect(named.filter((name) => !api.includes(`schema_version: { const: ${name} }`)).sort()).toEqual(
    Object.keys(CONTRACTS.contracts).sort(),
  )
})
