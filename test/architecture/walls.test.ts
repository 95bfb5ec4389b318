import { expect, test } from 'bun:test'
import { Glob } from 'bun'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// The walls between the folders of src: who may import what. Type-only imports count too, but where said otherwise.
const ROOT = join(import.meta.dir, '../../src')

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

const imports: Import[] = []
for (const file of new Glob('**/*.ts').scanSync(ROOT)) {
  if (file.endsWith('.test.ts')) continue
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const [, typeOnly, from] of text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+['"]([^'"]+)['"]/gm,
  )) {
    const target = from!.startsWith('.') ? join('/', file, '..', from!).slice(1) : from!
    imports.push({ file, target, typeOnly: typeOnly !== undefined })
  }
  for (const [, from] of text.matchAll(/import\(['"]([^'"]+)['"]\)/g)) {
    const target = from!.startsWith('.') ? join('/', file, '..', from!).slice(1) : from!
    imports.push({ file, target, typeOnly: true })
  }
}

function broken(inside: RegExp, forbidden: RegExp, except: readonly string[] = []): string[] {
  return imports
    .filter(
      ({ file, target }) =>
        inside.test(file) && forbidden.test(target) && !except.includes(`${file} → ${target}`),
    )
    .map(({ file, target }) => `${file} → ${target}`)
}

const IO = /^(node:|bun:|bun$)|^storage\/(drivers|query)|^gateway|^http\/server/

test('the import lines were found', () => {
  expect(imports.length).toBeGreaterThan(200)
})

test('usage, providers, access, audit, redaction, time and the pure part of traces do no input or output', () => {
  expect(broken(/^(usage|providers|access|audit|redaction|time)\/|^traces\/[^/]+\.ts$/, IO)).toEqual([])
})

test('wire knows formats, and nothing of the gateway', () => {
  expect(broken(/^wire\//, /^(?!wire\/|node:zlib$|node:stream$)/)).toEqual([])
})

test('limits ask others for what is stored, and only one file speaks to Redis', () => {
  expect(broken(/^limits\//, IO, ['limits/counters/redis-backend.ts → bun'])).toEqual([])
})

test('limits: policies know nothing of what is decided, decisions nothing of who counts, counters nothing of who is warned', () => {
  expect(broken(/^limits\/policies\//, /^limits\/(?!policies\/)/)).toEqual([])
  expect(broken(/^limits\/admission\//, /^limits\/(?!policies\/|admission\/)/)).toEqual([])
  expect(broken(/^limits\/counters\//, /^limits\/(?!policies\/|admission\/|counters\/)/)).toEqual([])
  expect(broken(/^limits\/alerts\//, /^limits\/(?!policies\/|alerts\/)/)).toEqual([])
})

test('the request’s path knows no storage, no command, no npm package', () => {
  expect(broken(/^proxy\//, /^(storage|cli|api|config\/(load|settings|document))/)).toEqual([])
  expect(broken(/^proxy\//, /^(?!node:|bun$)[^./]*$/)).toEqual([])
})

test('telemetry listens: the request’s path knows of it what a trace context is, and no more', () => {
  expect(broken(/^proxy\//, /^telemetry\/(?!trace-context)/)).toEqual([])
  expect(broken(/^telemetry\//, /^(storage|cli|api|proxy|http\/server)/)).toEqual([])
})

test('a database is named only by its driver', () => {
  // A lock is a SQLite file, because SQLite locks files on every platform.
  const except = ['files/file-lock.ts → bun:sqlite']
  expect(broken(/^(?!storage\/drivers\/)/, /^bun:sqlite$|^pg$|^postgres$/, except)).toEqual([])
  const openers = broken(/^(?!storage\/drivers\/)/, /^storage\/drivers\//)
  expect(openers).toEqual(
    [
      'storage/open-storage.ts → storage/drivers/sqlite.ts',
      'storage/open-storage.ts → storage/drivers/postgres.ts',
      'storage/open-storage.ts → storage/drivers/go-sqlite.ts',
      'storage/open-storage.ts → storage/drivers/go-postgres.ts',
    ].sort((a, b) => openers.indexOf(a) - openers.indexOf(b)),
  )
})

test('only the commands know the terminal, and nobody imports a command but the list of them', () => {
  expect(broken(/^(?!cli\/|main\.ts)/, /^cli\//)).toEqual([])
})

test('commands and the management API share what presentation holds, and know nothing of each other', () => {
  expect(broken(/^cli\//, /^api\//)).toEqual([])
  expect(broken(/^api\//, /^(cli|gateway)\//)).toEqual([])
  expect(broken(/^presentation\//, /^(api|cli|http)\//)).toEqual([])
})

test('npm packages are used where they are meant to be', () => {
  const used = new Map<string, Set<string>>()
  for (const { file, target } of imports) {
    if (/^(\.|node:|bun)/.test(target) || /\.(ts|yaml|lua|md)$/.test(target)) continue
    used.set(target, (used.get(target) ?? new Set()).add(file.split('/')[0]!))
  }
  expect(Object.fromEntries([...used].map(([name, folders]) => [name, [...folders].sort()]))).toEqual({
    '@opentelemetry/api': ['telemetry'],
    '@opentelemetry/exporter-metrics-otlp-http': ['telemetry'],
    '@opentelemetry/exporter-metrics-otlp-proto': ['telemetry'],
    '@opentelemetry/exporter-prometheus': ['telemetry'],
    '@opentelemetry/exporter-trace-otlp-http': ['telemetry'],
    '@opentelemetry/exporter-trace-otlp-proto': ['telemetry'],
    '@opentelemetry/resources': ['telemetry'],
    '@opentelemetry/sdk-metrics': ['telemetry'],
    '@opentelemetry/sdk-trace': ['telemetry'],
    '@pydantic/genai-prices': ['usage'],
    'gpt-tokenizer/encoding/cl100k_base': ['background'],
    'gpt-tokenizer/encoding/o200k_base': ['background'],
    'hyparquet-writer': ['cli'],
    kysely: ['storage'],
    pg: ['storage'],
    re2js: ['redaction'],
    yaml: ['config'],
  })
})

test('there are no barrels: nothing re-exports what another file defines', () => {
  const barrels = [...new Glob('**/*.ts').scanSync(ROOT)].filter((file) =>
    /^export\s+(\*|\{[^}]*\}\s+from)/m.test(readFileSync(join(ROOT, file), 'utf8')),
  )
  expect(barrels).toEqual([])
})
