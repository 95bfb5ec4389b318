import { expect, test } from 'bun:test'
import type { ChosenCredential } from './chosen-credential.ts'
import { CredentialPool, type CredentialChoice } from './credential-pool.ts'
import type { CredentialReading } from './credential-reading.ts'
import { HeldCredential } from './held-credential.ts'
import { HeldValue } from './held-value.ts'
import type { HeldCredentialSettings } from './settings.ts'

const MINUTE = 60_000

function held(name: string, weight = 1): HeldCredentialSettings {
  return { name, weight, refreshMs: 300_000, source: { kind: 'environment', variable: name.toUpperCase() } }
}

/** A pool with its credentials by name. */
interface Filled {
  readonly pool: CredentialPool
  readonly give: (name: string, text: string, expiresAtMs?: number) => void
  readonly take: (name: string, reading: CredentialReading) => void
}

/** @param renew what reading a credential anew does */
function fill(credentials: HeldCredentialSettings[], renew: (name: string) => void = () => {}): Filled {
  const members = credentials.map((settings) => ({
    credential: new HeldCredential(settings),
    renew: async (): Promise<void> => renew(settings.name),
  }))
  const take = (name: string, reading: CredentialReading): void =>
    members.find(({ credential }) => credential.name === name)!.credential.take(reading)
  return {
    pool: new CredentialPool('gateway', members),
    take,
    give: (name, text, expiresAtMs = Infinity) =>
      take(name, { kind: 'value', value: new HeldValue(text), expiresAtMs }),
  }
}

/** The same, and every credential has a value of its own. */
function filled(...credentials: HeldCredentialSettings[]): Filled {
  const all = fill(credentials)
  for (const { name } of credentials) all.give(name, `value of ${name}`)
  return all
}

function poolOf(...credentials: HeldCredentialSettings[]): CredentialPool {
  return filled(...credentials).pool
}

function chosen(choice: CredentialChoice): ChosenCredential {
  if (choice.kind === 'none') throw new Error(choice.reason)
  return choice.credential
}

function names(pool: CredentialPool, count: number, nowMs = 0): string {
  return Array.from({ length: count }, () => chosen(pool.choose(nowMs)).name).join(' ')
}

test('credentials take turns by weight, evenly spread', () => {
  expect(names(poolOf(held('a', 3), held('b'), held('c')), 10)).toBe('a b a c a a b a c a')
})

test('a credential that was excluded or is cooling leaves its turns to the others', () => {
  const pool = poolOf(held('a'), held('b'), held('c'))
  expect(chosen(pool.choose(0, new Set(['a', 'b']))).name).toBe('c')
  pool.report(chosen(pool.choose(0, new Set(['b', 'c']))), 'rate', 0, { untilMs: 2500 })
  expect(names(pool, 4, 2499)).not.toContain('a')
  expect([2499, 2500].map((nowMs) => pool.hasAvailable(nowMs, new Set(['b', 'c'])))).toEqual([false, true])
  expect(names(pool, 3, 2500)).toContain('a')
})

test('a 429 cools a credential exactly until the time that it names', () => {
  const pool = poolOf(held('a'))
  pool.report(chosen(pool.choose(1000)), 'rate', 1000, { untilMs: 21_000 })
  expect(pool.standings(20_999)).toEqual([
    { name: 'a', state: 'cooling', untilMs: 21_000, reason: 'rate', lastUsedMs: 1000 },
  ])
  const choice = pool.choose(20_999)
  expect(choice).toMatchObject({ kind: 'none', lastResort: { name: 'a' } })
  expect(pool.standings(21_000)[0]!.state).toBe('available')
})

test('a quota that is used up cools for ten minutes, doubling to an hour, and counts once for requests under way together', () => {
  const pool = poolOf(held('a'))
  let now = 0
  for (const minutes of [10, 20, 40, 60, 60]) {
    const credential = chosen(pool.choose(now))
    pool.report(credential, 'quota', now)
    pool.report(credential, 'quota', now + 1)
    expect(pool.standings(now)[0]!.untilMs).toBe(now + minutes * MINUTE)
    now += minutes * MINUTE
  }
  pool.report(chosen(pool.choose(now)), 'ok', now)
  pool.report(chosen(pool.choose(now)), 'quota', now)
  expect(pool.standings(now)[0]!.untilMs).toBe(now + 10 * MINUTE)
})

test('a 401 takes a credential out until its value changes', () => {
  const { pool, give } = filled(held('a'))
  pool.report(chosen(pool.choose(0)), 'unauthorized', 0)
  expect(pool.choose(1)).toEqual({ kind: 'none', reason: 'a is unavailable' })
  give('a', 'value of a')
  expect(pool.choose(2).kind).toBe('none')
  give('a', 'another value')
  expect(chosen(pool.choose(3)).value.reveal()).toBe('another value')
})

test('after refresh_s one attempt tries a refused credential again; its success brings it back', () => {
  const pool = poolOf(held('a'))
  pool.report(chosen(pool.choose(0)), 'unauthorized', 0)
  const trial = chosen(pool.choose(300_000))
  expect(pool.choose(300_001).kind).toBe('none')
  pool.report(trial, 'ok', 300_100)
  expect(pool.choose(300_101).kind).toBe('chosen')
})

test('a trial that is refused again, or never ends, waits for another refresh_s', () => {
  const pool = poolOf(held('a'))
  pool.report(chosen(pool.choose(0)), 'unauthorized', 0)
  chosen(pool.choose(300_000))
  expect(pool.choose(599_999).kind).toBe('none')
  pool.report(chosen(pool.choose(600_000)), 'unauthorized', 600_500)
  expect(pool.choose(900_499).kind).toBe('none')
  expect(pool.choose(900_500).kind).toBe('chosen')
})

test('a 401 of a value that was replaced meanwhile says nothing about the new one', () => {
  const { pool, give } = filled(held('a'))
  const old = chosen(pool.choose(0))
  give('a', 'another value')
  pool.report(old, 'unauthorized', 1)
  expect(pool.choose(2).kind).toBe('chosen')
})

test('a 403 takes out the pair of target and credential, not the credential everywhere', () => {
  const pool = poolOf(held('a'), held('b'))
  const credential = chosen(pool.choose(0, new Set(['b']), 'openai/large'))
  pool.report(credential, 'forbidden', 0, { target: 'openai/large' })
  expect(chosen(pool.choose(1, undefined, 'openai/large')).name).toBe('b')
  expect(chosen(pool.choose(1, new Set(['b']), 'openai/small')).name).toBe('a')
  // Who has no other target may still use it: the provider says why not.
  const none = pool.choose(1, new Set(['b']), 'openai/large')
  expect(none).toMatchObject({ kind: 'none', lastResort: { name: 'a' } })
  expect(chosen(pool.choose(300_000, new Set(['b']), 'openai/large')).name).toBe('a')
})

test('refusals of targets that callers made up are forgotten, oldest first', () => {
  const pool = poolOf(held('a'))
  const credential = chosen(pool.choose(0))
  for (let i = 0; i <= 1000; i++) pool.report(credential, 'forbidden', 0, { target: `openai/${i}` })
  expect(pool.choose(1, undefined, 'openai/0').kind).toBe('chosen')
  expect(pool.choose(1, undefined, 'openai/1000').kind).toBe('none')
})

test('a credential that cannot be had is unavailable with its reason, and the others serve', () => {
  const { pool, give, take } = fill([held('a'), held('b')])
  give('b', 'value')
  take('a', { kind: 'gone', problem: 'the variable A is not set' })
  expect(names(pool, 2)).toBe('b b')
  expect(pool.standings(0)[0]).toMatchObject({ state: 'unavailable', reason: 'the variable A is not set' })
  take('b', { kind: 'failed', problem: 'the command ended with 1' })
  expect(names(pool, 1)).toBe('b')
  take('b', { kind: 'gone', problem: 'there is no file' })
  expect(pool.choose(0)).toEqual({ kind: 'none', reason: 'a is unavailable, b is unavailable' })
})

test('a value that has expired is not used', () => {
  const { pool, give } = filled(held('a'))
  give('a', 'token', 1000)
  expect(pool.choose(999).kind).toBe('chosen')
  expect(pool.choose(1000).kind).toBe('none')
  expect(pool.standings(1000)[0]).toMatchObject({ state: 'unavailable', reason: 'it has expired' })
})

test('a request that got a 401 gets the value that is read anew, and nothing when it is still the same', async () => {
  let value = 'value of a'
  const { pool, give } = fill([held('a')], (name) => give(name, value))
  give('a', value)
  const credential = chosen(pool.choose(0))
  pool.report(credential, 'unauthorized', 0)
  expect(await pool.renewed(credential, 1)).toBeUndefined()
  value = 'new'
  const trial = chosen(pool.choose(300_000))
  pool.report(trial, 'unauthorized', 300_000)
  expect((await pool.renewed(trial, 300_001))?.value.reveal()).toBe('new')
})

test('a credential is read anew after a 401, also when its request cannot be sent again', async () => {
  const { pool, give } = fill([held('a')], (name) => give(name, 'new'))
  give('a', 'value of a')
  pool.report(chosen(pool.choose(0)), 'unauthorized', 0)
  await Promise.resolve()
  expect(chosen(pool.choose(1)).value.reveal()).toBe('new')
})

test('requests that got a 401 of the same value share one reading', async () => {
  let readings = 0
  const { pool, give } = fill([held('a')], () => (readings += 1))
  give('a', 'value')
  const credentials = Array.from({ length: 5 }, () => chosen(pool.choose(0)))
  for (const [i, credential] of credentials.entries()) {
    pool.report(credential, 'unauthorized', i)
    await pool.renewed(credential, i)
  }
  expect(readings).toBe(1)
})

test('tokens are known by their source or their shape', () => {
  const isToken = (text: string, settings = held('a')): boolean => {
    const { pool, give } = fill([settings])
    give('a', text)
    return chosen(pool.choose(0)).isToken
  }
  const source = { kind: 'token_exchange', url: '', subjectTokenFile: '', subjectTokenType: '', audience: '' }
  expect(isToken('anything', { ...held('a'), source } as HeldCredentialSettings)).toBe(true)
  for (const token of ['ya29.a0Af', 'sk-ant-oat01-x', 'eyJhbGciOiJ9.e30.x']) expect(isToken(token)).toBe(true)
  for (const key of ['sk-ant-api03-x', 'sk-proj-x', 'AIzaSy', 'eyJ']) expect(isToken(key)).toBe(false)
})
