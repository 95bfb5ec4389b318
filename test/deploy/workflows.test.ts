import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

// What GitHub runs is read by GitHub's own parser; it was not run by these tests.

const ROOT = join(import.meta.dir, '../..')

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions?: Readonly<Record<string, string>>
        readonly steps: readonly { readonly uses?: string; readonly run?: string }[]
      }
    >
  >
}

describe.each([...new Glob('.github/workflows/*.yaml').scanSync({ cwd: ROOT, dot: true })].sort())(
  '%s',
  (name) => {
    const text = readFileSync(join(ROOT, name), 'utf8')
    const workflow = parse(text) as Workflow
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps)

    test('GitHub understands it', () => {
      const { context } = parseWorkflow({ name, content: text }, new NoOperationTraceWriter())
      expect(context.errors.getErrors().map(String)).toEqual([])
    })

    test('actions are pinned to a commit, and nothing may more than it needs', () => {
      for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^[\w./-]+@[0-9a-f]{40}$/)
      for (const [, pinned] of text.matchAll(/uses: (.+)/g))
        expect(pinned).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
      for (const right of Object.values(workflow.permissions)) expect(right).toBe('read')
      for (const [job, { permissions }] of Object.entries(workflow.jobs)) {
        const writes = Object.entries(permissions ?? {}).flatMap(([what, right]) =>
          right === 'write' ? [what] : [],
        )
        expect([job, writes]).toEqual([job, [...(MAY_WRITE[`${name.split('/').at(-1)} ${job}`] ?? [])]])
      }
    })

    test('a job that may write runs no code of the repository or of a dependency', () => {
      for (const [job, { permissions, steps: own }] of Object.entries(workflow.jobs)) {
        const writes = Object.values(permissions ?? workflow.permissions).includes('write')
        if (!writes) continue
        for (const { uses, run } of own) {
          if (uses !== undefined) expect(PASSING_ON).toContain(uses.split('@')[0]!)
          for (const line of run?.split('\n') ?? []) {
            const foreign =
              /\b(npm (?!publish --ignore-scripts )|npx|bunx?|node|yarn|pnpm|pip|docker (?!login )|curl|wget|apt-get|sh |bash |\.ci)/
            expect([job, line]).toEqual([job, foreign.test(line) ? 'no such command' : line])
          }
        }
      }
    })

    test('shells can read what they run, and nobody else’s words become commands', () => {
      for (const { run } of steps) {
        if (run === undefined) continue
        expect(run).not.toContain('${{')
        if (Bun.which('bash') === null) continue
        const checked = Bun.spawnSync(['bash', '-n'], { stdin: Buffer.from(run) })
        expect([run, checked.stderr.toString()]).toEqual([run, ''])
      }
    })
  },
)

/** Actions that fetch, sign or set up, and run nothing of what they are given. */
const PASSING_ON = ['actions/download-artifact', 'actions/attest-build-provenance', 'actions/setup-node']

/** What jobs may write; others nothing. */
const MAY_WRITE: Readonly<Record<string, readonly string[]>> = {
  'release.yaml attest': ['id-token', 'attestations'],
  'release.yaml container': ['packages', 'id-token', 'attestations'],
  'release.yaml npm': ['id-token'],
  'release.yaml publish': ['contents'],
}

test('the notes of a release are its section of the changelog; a version without one has none', () => {
  const notes = (version: string): { status: number; out: string; err: string } => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([
      process.execPath,
      join(ROOT, 'scripts/release-notes.ts'),
      version,
    ])
    return { status: exitCode, out: stdout.toString(), err: stderr.toString() }
  }
  const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')
  const [, newest] = /^## (\S+)/m.exec(changelog)!
  const { status, out } = notes(newest!)
  expect(status).toBe(0)
  expect(out).toStartWith('- ')
  expect(out).not.toContain('## ')
  expect(notes('9.9.9')).toMatchObject({
    status: 1,
    out: '',
    err: expect.stringContaining('says nothing of "9.9.9"') as string,
  })
})
