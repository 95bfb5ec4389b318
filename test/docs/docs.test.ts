import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseFlags } from '../../src/cli/flags.ts'
import { cliMarkdown } from '../../src/cli/reference.ts'
import { COMMANDS } from '../../src/cli/run.ts'
import { loadConfig } from '../../src/config/load.ts'
import { priceCoverage } from '../../scripts/price-coverage.ts'
import { traceCost } from '../../src/traces/reprice.ts'
import type { TraceCost } from '../../src/traces/trace.ts'
import { priceUsage } from '../../src/usage/cost.ts'
import { placeOf } from '../../src/usage/places.ts'
import { PriceList } from '../../src/usage/price-list.ts'
import { NO_PARTS } from '../../src/usage/usage.ts'
import { NO_RATES } from '../support/own-prices.ts'
import { tlsFixture } from '../support/tls-fixtures.ts'

// What the documentation shows is right: settings are accepted, commands and flags exist, files are there.

const ROOT = join(import.meta.dir, '../..')
const PAGES = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...[...new Glob('docs/**/*.md').scanSync(ROOT)].sort(),
]

interface Block {
  readonly page: string
  readonly language: string
  readonly text: string
}

const blocks: Block[] = PAGES.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```(\w*).*\n([^]*?)^```$/gm)].map((match) => ({
    page,
    language: match[1]!,
    text: match[2]!,
  })),
)

test('docs/cli.md describes the commands as they are', () => {
  expect(readFileSync(join(ROOT, 'docs/cli.md'), 'utf8')).toBe(cliMarkdown())
})

test('docs/pricing.md lists what can be priced, as the price lists and rules have it', () => {
  const page = readFileSync(join(ROOT, 'docs/pricing.md'), 'utf8')
  expect(page).toContain(`-->\n\n${priceCoverage()}\n<!--`)
})

test('the receipt of docs/pricing.md is what such a call costs', () => {
  const text = blocks.find(({ page, language }) => page === 'docs/pricing.md' && language === 'json')!.text
  const receipt = JSON.parse(text) as TraceCost
  const lines = receipt.lines.filter((line) => 'tokens' in line)
  const at = Date.parse('2026-11-30T12:00:00Z')
  const list = new PriceList({ unknownModel: 'allow', overrides: [], assumed: NO_RATES })
  const caller = { organizationId: '', workspaceId: '', keyId: '' }
  const upstreamUrl = 'https://europe-west4-aiplatform.googleapis.com'
  const cost = priceUsage({
    model: receipt.lines[0]!.model,
    names: { answered: receipt.matched!.name },
    bills: [
      { usage: Object.fromEntries(lines.map(({ bucket, tokens }) => [bucket, tokens])), parts: NO_PARTS },
    ],
    place: placeOf('/', new URL(upstreamUrl).host),
    at,
    find: (names) => list.find({ provider: 'vertex', upstreamUrl, dialect: 'gemini', ...caller, at, names }),
  })
  expect(traceCost(cost)).toEqual(receipt)
})

describe('settings', () => {
  const yaml = blocks.filter(({ language }) => language === 'yaml')

  test('are shown', () => {
    expect(yaml.length).toBeGreaterThan(8)
  })

  test.each(yaml.map(({ page, text }, i) => [`${page} ${i}`, text]))('%s', (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'ongoingai-docs-'))
    try {
      // Secrets and certificates that are read from files are made here.
      for (const [, name] of text.matchAll(/_file: \.?\/?([\w.-]+)/g)) {
        writeFileSync(
          join(folder, name!),
          name!.endsWith('.pem')
            ? tlsFixture(name!)
            : name === 'alerts.url'
              ? 'https://alerts.example.com/x'
              : 'postgres://u:p@h/d-0123456789-abcdefghijk',
        )
      }
      const file = join(folder, 'ongoingai.yaml')
      // They are named from the working directory; a test's is another.
      writeFileSync(
        file,
        text.replaceAll(/(_file: )\.\//g, (__, name: string) => `${name}${folder}/`),
      )
      const variables = [...text.matchAll(/\$\{env:(\w+)\}/g)].map(
        ([, name]) => [name, 'value-of-a-variable-0123456789-abcdef'] as const,
      )
      loadConfig(file, Object.fromEntries(variables))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('commands', () => {
  // Of blocks (`docs-run.test.ts` runs them too) and of sentences.
  const lines = PAGES.flatMap((page) =>
    [
      ...readFileSync(join(ROOT, page), 'utf8').matchAll(
        /(?:^|[`("]\s*|\$\()(?:npx )?ongoingai ([^`)|<>\n]+)/gm,
      ),
    ].map((match) => [page, match[1]!.replace(/ #.*/, '').trim()] as const),
  ).filter(([page]) => page !== 'docs/cli.md')

  test('are shown', () => {
    expect(lines.length).toBeGreaterThan(50)
  })

  test.each(lines)('%s: ongoingai %s', (_, line) => {
    const words = (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''))
    const command = COMMANDS.find(({ name }) => name.split(' ').every((word, i) => words[i] === word))
    expect([line, command?.name]).toEqual([line, expect.any(String) as string])
    const rest = words.slice(command!.name.split(' ').length)
    const parsed = parseFlags(rest, command!.flags, command!.flagsFirst ? 'flags_first' : 'flags_anywhere')
    expect([line, 'kind' in parsed ? parsed : 'understood']).toEqual([line, 'understood'])
  })
})

test('tests that pages appeal to are there, by their names', () => {
  const missing: string[] = []
  let named = 0
  for (const page of PAGES) {
    for (const [, path, words] of readFileSync(join(ROOT, page), 'utf8').matchAll(
      /`([\w./-]+\.test\.ts)`: "([^"]+)"/g,
    )) {
      named += 1
      if (!readFileSync(join(ROOT, path!), 'utf8').includes(words!))
        missing.push(`${page}: ${path} "${words}"`)
    }
  }
  expect(missing).toEqual([])
  expect(named).toBeGreaterThan(30)
})

test('pages and files that are named are there', () => {
  const missing: string[] = []
  for (const page of PAGES) {
    const text = readFileSync(join(ROOT, page), 'utf8')
    for (const [, path] of text.matchAll(/`((?:docs|deploy|bench|src|test|scripts)\/[\w./-]+\.\w+)`/g)) {
      if (![...new Glob(path!).scanSync({ cwd: ROOT, dot: true })].length) missing.push(`${page}: ${path}`)
    }
  }
  expect(missing).toEqual([])
})

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('links to pages and headings lead somewhere', () => {
  const missing: string[] = []
  for (const page of PAGES) {
    for (const [, link] of readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = link!.split('#') as [string, string?]
      const target = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(ROOT, target))) missing.push(`${page}: ${link}`)
      else if (anchor !== undefined && !anchorsOf(target).includes(anchor)) missing.push(`${page}: ${link}`)
    }
  }
  expect(missing).toEqual([])
})
