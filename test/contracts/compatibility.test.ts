import { describe, expect, test } from 'bun:test'
import { Glob } from 'bun'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { breaks, presentContracts, type Contracts } from '../support/contracts.ts'

// What released versions promised still holds (`docs/compatibility.md`).

const RELEASED = join(import.meta.dir, '../fixtures/released')
const versions = [...new Glob('*.json').scanSync(RELEASED)].map((name) => name.slice(0, -'.json'.length))
const { version } = JSON.parse(readFileSync(join(import.meta.dir, '../../package.json'), 'utf8')) as {
  version: string
}
const now = presentContracts()

/** All of this one's series: minor versions below 1.0 begin a new one. */
const promised = versions.filter((one) => seriesOf(one) === seriesOf(version)).sort(Bun.semver.order)

function seriesOf(one: string): string {
  const [major, minor] = one.split('.')
  return major === '0' ? `0.${minor}` : major!
}

test('only the first of a series has nobody to keep a promise to', () => {
  if (promised.length === 0) expect(version).toMatch(/^\d+\.0\.0$|^0\.\d+\.0$/)
})

/** What was withdrawn because it was not safe to keep; each is told in `CHANGELOG.md` and in `docs/compatibility.md`. */
const WITHDRAWN: Readonly<Record<string, readonly string[]>> = {
  '0.1.0': [
    'setting server.cors_origins was {"kind":"strings","default":["*"]} and is {"kind":"strings","default":[]}',
  ],
}

test.each(promised)('everything that %s promised holds, but for what was withdrawn', (one) => {
  const before = JSON.parse(readFileSync(join(RELEASED, `${one}.json`), 'utf8')) as Contracts
  expect(breaks(before, now).sort()).toEqual([...(WITHDRAWN[one] ?? [])].sort())
})

describe('what would break is told', () => {
  const copy = (): Mutable => JSON.parse(JSON.stringify(now)) as Mutable

  test.each<[string, (next: Mutable) => void, string[]]>([
    ['a setting is gone', (next) => delete next.settings['server.port'], ['setting server.port is gone']],
    [
      'a default is another',
      (next) => (next.settings['server.port'] = { kind: 'int', default: 1 }),
      ['setting server.port was {"kind":"int","default":8080} and is {"kind":"int","default":1}'],
    ],
    ['a flag', (next) => delete next.commands['report']!['tag'], ['flag of report tag is gone']],
    ['a command', (next) => delete next.commands['db check'], ['command db check is gone']],
    ['a code', (next) => (next.errors['pii_blocked'] = 400), ['error pii_blocked was 403 and is 400']],
    [
      'a route',
      (next) => delete (next.api['paths'] as Record<string, object>)['/api/health'],
      ['GET /api/health is gone'],
    ],
    [
      'a member of an answer that others refer to',
      (next) => delete schemas(next)['TraceSummary']!.properties['total_tokens'],
      [
        'GET /api/traces 200.items[].total_tokens is gone',
        'GET /api/traces/{id} 200.total_tokens is gone',
        'GET /api/traces/{id}/replay 200.target_trace.total_tokens is gone',
      ],
    ],
    [
      'a type',
      (next) => (schemas(next)['TraceSummary']!.properties['id'] = { type: ['string', 'null'] }),
      [
        'GET /api/traces 200.items[].id may be null now',
        'GET /api/traces/{id} 200.id may be null now',
        'GET /api/traces/{id}/replay 200.target_trace.id may be null now',
      ],
    ],
    [
      'a member of an output',
      (next) => delete (next.output as unknown as Output).contracts['db-check.v1'].properties['problems'],
      ['db-check.v1.problems is gone'],
    ],
    [
      'a member that must be given',
      (next) => (schemas(next)['KeySettings']!.required = ['labels']),
      [
        'POST /api/gateway-keys content.labels must be given now',
        'PATCH /api/gateway-keys/{id} content.labels must be given now',
      ],
    ],
  ])('%s', (_, change, told) => {
    const next = copy()
    change(next)
    expect(breaks(now, next)).toEqual(told)
  })

  test('what is added breaks nothing', () => {
    const next = copy()
    next.settings['server.new'] = { kind: 'int', default: 1 }
    next.commands['report']!['new'] = 'bool'
    next.errors['new_code'] = 400
    schemas(next)['TraceSummary']!.properties['new'] = { type: 'string' }
    expect(breaks(now, next)).toEqual([])
  })
})

interface Mutable extends Contracts {
  readonly api: Record<string, unknown>
  readonly settings: Record<string, { kind: string; default: unknown }>
  readonly commands: Record<string, Record<string, string>>
  readonly errors: Record<string, number>
}
interface Output {
  readonly contracts: Record<'db-check.v1', { properties: Record<string, unknown> }>
}
function schemas(
  next: Mutable,
): Record<string, { required?: string[]; properties: Record<string, unknown> }> {
  return (next.api['components'] as { schemas: ReturnType<typeof schemas> }).schemas
}
