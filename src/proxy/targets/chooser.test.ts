import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { AttemptCause } from '../../traces/exchange.ts'
import { TargetChooser } from './chooser.ts'
import type { Target, TargetPlan } from './target.ts'

const SETTINGS = {
  attempts: 3,
  retryBudget: 0.2,
  breaker: { failures: 3, windowMs: 10_000, openMs: 30_000 },
}

function target(name: string, { weight = 1, tier = 1 } = {}): Target {
  return { name, provider: name, model: 'm', weight, tier, region: '', zeroRetention: false }
}

function plan(...targets: readonly Target[]): TargetPlan {
  return { alias: 'fast', targets, affinity: 'session', rewrite: 'model' }
}

function first(chooser: TargetChooser, of: TargetPlan, now: number, session = ''): Target | undefined {
  return chooser.choose(of, { session, tried: [], now })
}

function nameOf(chosen: Target | undefined): string {
  return chosen?.name ?? 'none'
}

/** Reports a failure so often that the breaker opens. */
function breakOpen(chooser: TargetChooser, of: Target, now: number): void {
  for (let i = 0; i < SETTINGS.breaker.failures; i++) chooser.report(of, 'status_5xx', now)
}

test('requests are shared by weight within 2 %, and every target gets its turn', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 })
  fc.assert(
    fc.property(weights, (given) => {
      const targets = given.map((weight, i) => target(`t${i}`, { weight }))
      const total = given.reduce((sum, weight) => sum + weight, 0)
      const chooser = new TargetChooser(SETTINGS)
      const counts = new Map<string, number>()
      const rounds = Math.ceil(1000 / total) * total
      const last = new Map<string, number>()
      for (let i = 0; i < rounds; i++) {
        const name = nameOf(first(chooser, plan(...targets), i))
        counts.set(name, (counts.get(name) ?? 0) + 1)
        // Nobody waits longer than two rounds.
        for (const { name: other, weight } of targets)
          expect(i - (last.get(other) ?? 0)).toBeLessThanOrEqual(
            Math.ceil((2 * total) / weight) + targets.length,
          )
        last.set(name, i)
      }
      for (const { name, weight } of targets)
        expect(Math.abs((counts.get(name) ?? 0) / rounds - weight / total)).toBeLessThanOrEqual(0.02)
    }),
    { numRuns: 50 },
  )
})

test('a target that was out owes nothing when it is back', () => {
  const chooser = new TargetChooser(SETTINGS)
  const [a, b] = [target('a'), target('b')]
  chooser.report(a, 'connect', 0)
  for (let i = 0; i < 100; i++) expect(nameOf(first(chooser, plan(a, b), 1000))).toBe('b')
  const trial = first(chooser, plan(a, b), 31_000)
  if (trial) chooser.report(trial, 'ok', 31_100)
  const names = Array.from({ length: 20 }, () => nameOf(first(chooser, plan(a, b), 32_000)))
  expect(names.filter((name) => name === 'a')).toHaveLength(10)
})

test('a tier is used only while no lower one has a target', () => {
  const chooser = new TargetChooser(SETTINGS)
  const [a, b] = [target('a'), target('b', { tier: 2 })]
  for (let i = 0; i < 10; i++) expect(nameOf(first(chooser, plan(b, a), 0))).toBe('a')
  breakOpen(chooser, a, 0)
  expect(nameOf(first(chooser, plan(b, a), 1))).toBe('b')
})

test('a breaker opens at its failures within the window, and takes one request after its time', () => {
  const chooser = new TargetChooser(SETTINGS)
  const a = target('a')
  chooser.report(a, 'status_5xx', 0)
  chooser.report(a, 'status_5xx', 1)
  chooser.report(a, 'truncated', 10_001)
  expect(chooser.stateOf('a', 10_001).state).toBe('available')
  chooser.report(a, 'timeout', 10_001)
  expect(chooser.stateOf('a', 10_001)).toEqual({ state: 'open', until: 40_001, lastCause: 'timeout' })
  expect(first(chooser, plan(a), 40_000)).toBeUndefined()
  expect(chooser.stateOf('a', 40_001).state).toBe('half_open')
  const trial = first(chooser, plan(a), 40_001)
  expect(nameOf(trial)).toBe('a')
  expect(nameOf(first(chooser, plan(a), 40_002))).toBe('none')
  // A request from before it opened is not the trial.
  chooser.report(a, 'ok', 40_003)
  expect(nameOf(first(chooser, plan(a), 40_004))).toBe('none')
  if (trial) chooser.report(trial, 'ok', 40_005)
  expect(chooser.stateOf('a', 40_006).state).toBe('available')
})

test.each([
  ['status_5xx', 'open'],
  ['connect', 'open'],
  ['ok', 'available'],
  ['rejected', 'available'],
  ['client_aborted', 'half_open'],
  ['auth', 'half_open'],
] as const)('a trial that ends with %s leaves the target %s', (cause, state) => {
  const chooser = new TargetChooser(SETTINGS)
  const a = target('a')
  chooser.report(a, 'connect', 0)
  const trial = first(chooser, plan(a), 30_000)
  if (trial) chooser.report(trial, cause, 30_001)
  expect(chooser.stateOf('a', 30_002).state).toBe(state)
})

test('a few failures among many successes open no breaker', () => {
  const chooser = new TargetChooser(SETTINGS)
  const a = target('a')
  for (let i = 0; i < 1000; i++) chooser.report(a, i % 100 === 0 ? 'status_5xx' : 'ok', i)
  expect(chooser.stateOf('a', 1000).state).toBe('available')
})

test('429 lets a target rest exactly until the time that it named, and is no failure', () => {
  const chooser = new TargetChooser(SETTINGS)
  const [a, b] = [target('a'), target('b')]
  for (let i = 0; i < 5; i++) chooser.report(a, 'rate', i, 2000)
  expect(chooser.stateOf('a', 1999)).toEqual({ state: 'cooling', until: 2000, lastCause: 'rate' })
  for (let i = 0; i < 4; i++) expect(nameOf(first(chooser, plan(a, b), 1999))).toBe('b')
  expect(first(chooser, plan(a), 1999)).toBeUndefined()
  expect(nameOf(first(chooser, plan(a), 2000))).toBe('a')
})

test('a session stays at its target while that is available, and moves once', () => {
  const chooser = new TargetChooser(SETTINGS)
  const targets = ['a', 'b', 'c'].map((name) => target(name))
  const at = nameOf(first(chooser, plan(...targets), 0, 'session'))
  for (let i = 0; i < 10; i++) {
    first(chooser, plan(...targets), i, `other ${i}`)
    expect(nameOf(first(chooser, plan(...targets), i, 'session'))).toBe(at)
  }
  // One failure moves the request, but not the session.
  chooser.report(target(at), 'status_5xx', 20)
  const retried = chooser.choose(plan(...targets), { session: 'session', tried: [at], now: 20 })
  expect(nameOf(retried)).not.toBe(at)
  expect(nameOf(first(chooser, plan(...targets), 21, 'session'))).toBe(at)
  chooser.report(target(at), 'connect', 22)
  const moved = chooser.choose(plan(...targets), { session: 'session', tried: [at], now: 22 })
  expect(nameOf(moved)).not.toBe(at)
  for (let i = 0; i < 10; i++)
    expect(nameOf(first(chooser, plan(...targets), 100_000 + i, 'session'))).toBe(nameOf(moved))
})

test('a target that cannot be used for another reason is not chosen', () => {
  const chooser = new TargetChooser(SETTINGS)
  const of = plan(target('a'), target('b'))
  const choose = (usable: (one: Target) => boolean) =>
    nameOf(chooser.choose(of, { session: '', tried: [], now: 0, usable }))
  expect(choose(({ name }) => name === 'b')).toBe('b')
  expect(choose(() => false)).toBe('none')
})

test('a plan without an alias has its target whatever the state, and one attempt', () => {
  const chooser = new TargetChooser(SETTINGS)
  const plain: TargetPlan = { ...plan(target('a')), alias: undefined }
  chooser.report(target('a'), 'connect', 0)
  expect(nameOf(first(chooser, plain, 1))).toBe('a')
  expect(chooser.mayRetry(plain, { tried: ['a'], now: 1, deadline: undefined })).toBe('no_target')
})

test('the first move to an untried target needs no budget; repeats and later moves do', () => {
  const chooser = new TargetChooser(SETTINGS)
  const of = plan(target('a'), target('b'), target('c'))
  const may = (tried: readonly string[], within = of) =>
    chooser.mayRetry(within, { tried, now: 1000, deadline: undefined })
  for (let i = 0; i < 10; i++) expect(may(['a'], plan(target('a')))).toBe('yes')
  expect(may(['a'], plan(target('a')))).toBe('budget')
  expect(may(['a', 'b'])).toBe('budget')
  for (let i = 0; i < 20; i++) expect(may(['a'])).toBe('yes')
  expect(may(['a', 'b', 'c'])).toBe('attempts')
})

test('the budget is a share of the requests of the last ten seconds', () => {
  const chooser = new TargetChooser(SETTINGS)
  const of = plan(target('a'))
  const may = (now: number) => chooser.mayRetry(of, { tried: ['a'], now, deadline: undefined })
  for (let i = 0; i < 100; i++) first(chooser, of, 5000 + i)
  for (let i = 0; i < 20; i++) expect(may(6000)).toBe('yes')
  expect(may(6000)).toBe('budget')
  // The requests have left the window, the retries have not: the floor is used up too.
  expect(may(15_500)).toBe('budget')
  for (let i = 0; i < 10; i++) expect(may(16_000)).toBe('yes')
  expect(may(16_000)).toBe('budget')
})

test('nothing is tried after the deadline', () => {
  const chooser = new TargetChooser(SETTINGS)
  const of = plan(target('a'), target('b'))
  expect(chooser.mayRetry(of, { tried: ['a'], now: 99, deadline: 100 })).toBe('yes')
  expect(chooser.mayRetry(of, { tried: ['a'], now: 100, deadline: 100 })).toBe('deadline')
})

test('other settings keep the state of the targets that stay', () => {
  const chooser = new TargetChooser(SETTINGS)
  for (const name of ['a', 'b']) chooser.report(target(name), 'connect', 0)
  chooser.configure({ ...SETTINGS, attempts: 1 }, (name) => name === 'a')
  expect(chooser.stateOf('a', 1).state).toBe('open')
  expect(chooser.stateOf('b', 1).state).toBe('available')
  expect(chooser.mayRetry(plan(target('b')), { tried: ['b'], now: 1, deadline: undefined })).toBe('attempts')
})

const CAUSES: readonly AttemptCause[] = [
  'ok',
  'connect',
  'status_5xx',
  'rate',
  'truncated',
  'client_aborted',
  'auth',
]

test('whatever happens: at most N attempts, none after the deadline, one trial at a time, only targets of the plan', () => {
  const steps = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 20_000 }),
      session: fc.constantFrom('', 's1', 's2'),
      eligible: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1 }),
      causes: fc.array(fc.constantFrom(...CAUSES), { minLength: 4, maxLength: 4 }),
      reported: fc.boolean(),
    }),
    { minLength: 1, maxLength: 60 },
  )
  fc.assert(
    fc.property(steps, (given) => {
      const chooser = new TargetChooser(SETTINGS)
      const targets = [0, 1, 2, 3].map((i) => target(`t${i}`, { tier: 1 + (i % 2), weight: 1 + i }))
      const unreported = new Map<string, number>()
      let now = 0
      for (const { wait, session, eligible, causes, reported } of given) {
        now += wait
        const of = plan(...eligible.map((i) => targets[i]!))
        const deadline = now + 50
        const tried: string[] = []
        for (const cause of causes) {
          if (tried.length > 0 && chooser.mayRetry(of, { tried, now, deadline }) !== 'yes') break
          const wasHalfOpen = new Set(
            targets.filter(({ name }) => chooser.stateOf(name, now).state === 'half_open'),
          )
          const chosen = chooser.choose(of, { session, tried, now })
          if (!chosen) break
          expect(now).toBeLessThan(deadline)
          const { name } = chosen
          expect(of.targets.map((one) => one.name)).toContain(name)
          expect(chooser.stateOf(name, now).state).not.toBe('open')
          const isTrial = [...wasHalfOpen].some((one) => one.name === name)
          if (isTrial) {
            expect(unreported.has(name)).toBe(false)
            if (!reported) unreported.set(name, now)
          }
          tried.push(name)
          if (!reported) break
          now += 20
          chooser.report(chosen, cause, now, now + 500)
          if (cause === 'ok') break
        }
        expect(tried.length).toBeLessThanOrEqual(SETTINGS.attempts)
      }
    }),
    { numRuns: 200 },
  )
})
