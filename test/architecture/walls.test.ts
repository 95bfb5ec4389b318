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

const IO = /^(node:|bun:|bun$)|^storage\/(drivers|quer)|^gateway|^files|^threads|^http\/server/

test('the import lines were found', () => {
  expect(imports.length).toBeGreaterThan(200)
})

test('no folder imports one that imports it, however long the way round', () => {
  const top = (path: string): string => path.split('/')[0]!
  expect(circles(top)).toEqual([])
})

test('nor does a folder within a folder import a neighbour that imports it', () => {
  const second = (path: string): string => path.split('/').slice(0, -1).slice(0, 2).join('/')
  expect(circles((path) => (second(path).includes('/') ? second(path) : ''))).toEqual([])
})

/** Folders that reach each other, in groups. @param folderOf of a path in src; empty for one that does not count */
function circles(folderOf: (path: string) => string): string[][] {
  const edges = new Map<string, Set<string>>()
  for (const { file, target } of imports) {
    if (!target.endsWith('.ts') || !file.includes('/') || !target.includes('/')) continue
    const [from, to] = [folderOf(file), folderOf(target)]
    if (from === '' || to === '' || from === to) continue
    edges.set(from, (edges.get(from) ?? new Set()).add(to))
  }
  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of edges.get(from) ?? []) if (!seen.has(to)) reach(to, seen.add(to))
    return seen
  }
  const groups = [...edges.keys()]
    .filter((folder) => reach(folder).has(folder))
    .map((folder) =>
      [...reach(folder)]
        .filter((other) => reach(other).has(folder))
        .sort()
        .join(' '),
    )
  return [...new Set(groups)].sort().map((group) => group.split(' '))
}

/** Decompression is arithmetic. */
const NO_IO = ['wire/framing/content-decoder.ts → node:zlib', 'wire/framing/content-decoder.ts → node:stream']

test('what decides and what reads formats does no input or output', () => {
  expect(broken(/^(wire|time|usage|providers|access|audit|redaction|traces)\//, IO, NO_IO)).toEqual([])
})

test('of credentials, only their sources do input and output', () => {
  expect(broken(/^credentials\/(?!sources\/)/, IO)).toEqual([])
  expect(broken(/^credentials\//, /^(?!credentials\/|time\/|log\.ts$|node:fs|aws4fetch$)/)).toEqual([])
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

test('the request’s path knows no storage, no recorder, no command, no telemetry package, no npm package', () => {
  expect(
    broken(/^proxy\//, /^(storage|background|cli|api|telemetry|config\/(load|settings|document))/),
  ).toEqual([])
  expect(broken(/^proxy\//, /^(?!node:|bun$)[^./]*$/)).toEqual([])
})

test('the record knows neither who keeps it nor who listens', () => {
  expect(broken(/^traces\//, /^(storage|background|telemetry|config|audit|access)\//)).toEqual([])
  expect(broken(/^telemetry\//, /^(storage|background|cli|api|proxy|http\/server)/)).toEqual([])
})

test('nothing lies at the root but the program, its errors, its log and its version', () => {
  const root = [...new Glob('*').scanSync(ROOT)].filter((file) => !/\.(test|d)\.ts$/.test(file)).sort()
  expect(root).toEqual(['errors.ts', 'log.ts', 'main.ts', 'version.ts'])
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

test('how the commands are called is known without what they do: no settings, no store, no npm package', () => {
  const loaded = new Set(['main.ts'])
  for (const one of loaded)
    for (const { file, target, typeOnly } of imports) if (file === one && !typeOnly) loaded.add(target)
  expect(loaded).toContain('cli/commands/serve.ts')
  expect(
    [...loaded].filter((path) =>
      /^(config\/(?!scalar)|gateway|storage|usage|time|(?!node:)[^./]+$)/.test(path),
    ),
  ).toEqual([])
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
    aws4fetch: ['credentials'],
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

/** Functions of more than 70 lines: tables of names, and those that are still to be shortened. */
const LONG_FUNCTIONS: Readonly<Record<string, number>> = {
  // One line for each member of what they make.
  'traces/build-trace.ts buildTrace': 127,
}

const MOST_LINES = 400
const MOST_LINES_OF_FUNCTION = 70

test('files and functions are short; what is not is known', () => {
  const [files, functions] = [new Map<string, number>(), new Map<string, number>()]
  for (const file of new Glob('**/*.ts').scanSync(ROOT)) {
    if (file.endsWith('.test.ts')) continue
    const lines = readFileSync(join(ROOT, file), 'utf8').trimEnd().split('\n')
    if (lines.length > MOST_LINES) files.set(file, lines.length)
    for (const [name, length] of functionsOf(lines))
      if (length > MOST_LINES_OF_FUNCTION) functions.set(`${file} ${name}`, length)
  }
  expect([...files]).toEqual([])
  expect([...functions].filter(([name, length]) => length > (LONG_FUNCTIONS[name] ?? 0))).toEqual([])
  // What has become short is struck off.
  expect(Object.keys(LONG_FUNCTIONS).filter((name) => !functions.has(name))).toEqual([])
})

/** The line on which a function's block begins, in the formatter's layout. */
const BLOCK =
  /(\bfunction\b.*|=> |^\s*(?!(?:if|for|while|switch|catch)\b)(?:(?:static|async|get|set|override)\s+)*[#\w*]+(?:<.*>)?\(.*\)(?:: .+)? |^\s*\)(?:: .+)? (?:=> )?)\{$/
const NO_FUNCTION = /^\s*(?:\} else )?(?:if|for|while|switch|return|await)\b/

/** Functions with a block of their own, and their lines. The formatter puts their ends where they begin. */
function functionsOf(lines: readonly string[]): [name: string, length: number][] {
  const found: [string, number][] = []
  for (const [i, line] of lines.entries()) {
    if (!BLOCK.test(line)) continue
    const indent = /^\s*/.exec(line)![0]
    const isAt = (at: number): boolean =>
      lines[at]!.startsWith(indent) && /\S/.test(lines[at]!.charAt(indent.length))
    let start = i
    if (line.trimStart().startsWith(')'))
      do start -= 1
      while (!isAt(start))
    if (NO_FUNCTION.test(lines[start]!)) continue
    const end = lines.findIndex((other, at) => at > i && other.startsWith(`${indent}}`))
    const name = /(?:function\*? |const )?([#\w]+)\s*(?:<.*>)?(?:\(|=|:)/.exec(lines[start]!.trim())
    found.push([name?.[1] ?? lines[start]!.trim(), end - start + 1])
  }
  return found
}
