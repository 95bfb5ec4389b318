import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { SLOT_MS, slotOf } from '../../src/limits/policies/budget-window.ts'
import { decide } from '../../src/limits/admission/decide.ts'
import type { Actual, Counters, Held, LedgerSlot, Verdict } from '../../src/limits/counters/counters.ts'
import type { Budget, CounterState, Take } from '../../src/limits/policies/take.ts'
import { eventually } from '../support/eventually.ts'

/** Counters over a backend of their own, as two gateways hold them; one for a backend of one process. */
export interface CountersUnderTest {
  readonly first: Counters
  readonly second: Counters
  /** Books spending in the ledger, as another gateway did it. */
  book(slot: LedgerSlot): Promise<void>
  stop(): Promise<void>
}

const NOW = Date.now()
const DAY = 86_400_000
const NOTHING = { costNanoUsd: 0, tokens: 0 }

/** A take, and how much of it one request takes. */
interface Asked {
  readonly take: Take
  readonly amount: number
}

const rate = (counter: string, limit: number, amount = 1, settles = false): Asked => ({
  take: { kind: 'rate', counter, limit, settles },
  amount,
})
const concurrency = (counter: string, limit: number): Asked => ({
  take: { kind: 'concurrency', counter, limit },
  amount: 1,
})
const budget = (counter: string, limit: number, amount: number, more: Partial<Budget> = {}): Asked => ({
  take: {
    kind: 'budget',
    counter,
    unit: 'cost',
    limit,
    enforcement: 'hard',
    startMs: slotOf(NOW - DAY),
    endMs: slotOf(NOW + DAY),
    ...more,
  },
  amount,
})

let ids = 0
const newId = (): string => `exchange-${process.pid}-${(ids += 1)}`

/** What every backend of limits holds to, whatever it counts in. */
export function countersContract(
  name: string,
  open: () => Promise<CountersUnderTest>,
  shared: boolean,
): void {
  describe(`counters contract: ${name}`, () => {
    let under: CountersUnderTest
    beforeAll(async () => {
      under = await open()
    }, 60_000)
    afterAll(() => under.stop(), 60_000)

    const ask = async (asked: readonly Asked[], counters: Counters): Promise<Verdict> =>
      counters.admit(
        {
          id: newId(),
          takes: asked.map(({ take }) => take),
          term: counters.term(NOW),
          amountOf: (index) => asked[index]!.amount,
        },
        NOW,
      )
    /** @returns what was taken, or the index of what refuses by the rule, which every backend must share */
    const admit = async (
      asked: readonly Asked[],
      counters = under.first,
    ): Promise<{ held: Held | undefined; refusedBy: number }> => {
      const verdict = await ask(asked, counters)
      return { held: verdict.held, refusedBy: verdict.held ? -1 : refuserOf(asked, verdict.states) }
    }
    const refuserOf = (asked: readonly Asked[], states: readonly CounterState[]): number => {
      const decision = decide(
        asked.map(({ take }) => take),
        asked.map(({ amount }) => amount),
        states,
      )
      if (decision.kind === 'admit') throw new Error('the counters refuse what the rule lets pass')
      return decision.index
    }
    const taken = async (...asked: Asked[]): Promise<Held> => (await admit(asked)).held!
    const used = async ({ take }: Asked, counters = under.first): Promise<[number, number]> => {
      const [state] = await counters.read([take], NOW)
      return [state!.used, state!.reserved]
    }
    const settle = async (held: Held, actual: Actual): Promise<readonly CounterState[] | undefined> =>
      held.settle(actual, NOW)

    test('rates: as many as the limit says, and then when there is room again', async () => {
      const take = rate('rate "1": a/b\n', 3)
      for (let i = 0; i < 3; i++) expect((await admit([take])).refusedBy).toBe(-1)
      const verdict = await ask([take], under.first)
      if (verdict.held) throw new Error('a fourth request passed')
      const { states } = verdict
      expect([refuserOf([take], states), states[0]!.used]).toEqual([0, 3])
      expect(states[0]!.resetMs > 50_000 && states[0]!.resetMs <= 61_000).toBe(true)
      expect(await used(take)).toEqual([3, 0])
    })

    test('what one limit refuses is taken from none', async () => {
      const [wide, narrow, places] = [rate('wide', 10), rate('narrow', 1), concurrency('places', 5)]
      const money = budget('money-of-none', 100, 10)
      expect((await admit([wide, narrow, places, money])).refusedBy).toBe(-1)
      expect((await admit([wide, narrow, places, money])).refusedBy).toBe(1)
      expect(await used(wide)).toEqual([1, 0])
      expect(await used(places)).toEqual([1, 0])
      expect(await used(money)).toEqual([0, 10])
    })

    test('tokens: what was expected becomes what it was, more or less', async () => {
      const take = (amount: number): Asked => rate('tokens', 100, amount, true)
      const held = await taken(take(60))
      expect((await used(take(0)))[0]).toBe(60)
      await settle(held, { costNanoUsd: 0, tokens: 20 })
      expect((await used(take(0)))[0]).toBe(20)
      // While there is room the next one passes, however much it expects.
      const large = await admit([take(500)])
      expect(large.refusedBy).toBe(-1)
      expect((await admit([take(1)])).refusedBy).toBe(0)
      await settle(large.held!, { costNanoUsd: 0, tokens: 70 })
      expect((await admit([take(1)])).refusedBy).toBe(-1)
    })

    test('places are free again when their requests end', async () => {
      const take = concurrency('desk', 2)
      const [one, two] = [await admit([take]), await admit([take])]
      expect([one.refusedBy, two.refusedBy, (await admit([take])).refusedBy]).toEqual([-1, -1, 0])
      one.held!.ended()
      await settle(one.held!, NOTHING)
      await eventually(async () => (await used(take))[0] === 1)
      expect((await admit([take])).refusedBy).toBe(-1)
    })

    test('budgets: reserved, grown, settled, given back; while money is left the next one passes', async () => {
      const take = (amount: number): Asked => budget('budget', 100, amount)
      const one = await admit([take(60)])
      const two = await admit([take(39)])
      expect([one.refusedBy, two.refusedBy]).toEqual([-1, -1])
      const three = await admit([take(500)])
      expect([three.refusedBy, (await admit([take(1)])).refusedBy]).toEqual([-1, 0])
      expect(await used(take(0))).toEqual([0, 599])
      one.held!.grow({ costNanoUsd: 5, tokens: 1 })
      await eventually(async () => (await used(take(0)))[1] === 604)
      await settle(three.held!, NOTHING)
      expect(await used(take(0))).toEqual([0, 104])
      const told = await settle(one.held!, { costNanoUsd: 40, tokens: 7 })
      // What is elsewhere tells at once where its counters stand.
      if (shared) expect(told![0]).toMatchObject({ used: 40, reserved: 39 })
      expect(await used(take(0))).toEqual([40, 39])
      expect((await used(budget('budget', 1, 0, { unit: 'tokens' })))[0]).toBe(7)
      await settle(two.held!, { costNanoUsd: 61, tokens: 0 })
      expect(await used(take(0))).toEqual([101, 0])
      expect((await admit([take(1)])).refusedBy).toBe(0)
      expect((await admit([budget('budget', 100, 1, { enforcement: 'soft' })])).refusedBy).toBe(-1)
    })

    test('several budgets of one subject spend once, each over its own time', async () => {
      const asked = [
        budget('person', 1000, 10),
        budget('person', 1000, 4, { unit: 'tokens' }),
        budget('person', 5000, 10, { startMs: 0, endMs: Infinity }),
      ]
      const stand = async (): Promise<readonly CounterState[]> =>
        under.first.read(
          asked.map(({ take }) => take),
          NOW,
        )
      const amounts = async (): Promise<[number, number][]> =>
        (await stand()).map(({ used: spent, reserved }) => [spent, reserved])
      const { held } = await admit(asked)
      expect(await amounts()).toEqual([
        [0, 10],
        [0, 4],
        [0, 10],
      ])
      held!.grow({ costNanoUsd: 3, tokens: 2 })
      await eventually(async () => (await amounts())[2]![1] === 13)
      expect(await amounts()).toEqual([
        [0, 13],
        [0, 6],
        [0, 13],
      ])
      await settle(held!, { costNanoUsd: 11, tokens: 5 })
      expect(await amounts()).toEqual([
        [11, 0],
        [5, 0],
        [11, 0],
      ])
      expect((await stand())[2]!.resetMs).toBe(Infinity)
    })

    test('what a subscription pays is charged to budgets that count it, and to no others', async () => {
      const subject = 'workspace:o/w'
      const billed = budget(subject, 1000, 0, { enforcement: 'soft' })
      const words = budget(subject, 1000, 4, { unit: 'tokens' })
      const counting = budget(`${subject}&included`, 1000, 10)
      const amounts = async (): Promise<unknown> =>
        Promise.all([billed, words, counting].map((one) => used(one)))
      const held = await taken(billed, words, counting)
      expect(await amounts()).toEqual([
        [0, 0],
        [0, 4],
        [0, 10],
      ])
      held.grow({ costNanoUsd: 0, includedNanoUsd: 3, tokens: 2 })
      await eventually(async () => (await used(counting))[1] === 13)
      expect(await amounts()).toEqual([
        [0, 0],
        [0, 6],
        [0, 13],
      ])
      await settle(held, { costNanoUsd: 0, includedNanoUsd: 11, tokens: 5 })
      expect(await amounts()).toEqual([
        [0, 0],
        [5, 0],
        [11, 0],
      ])
      const credits = await taken(billed, words, counting)
      await settle(credits, { costNanoUsd: 7, tokens: 1 })
      expect(await amounts()).toEqual([
        [7, 0],
        [6, 0],
        [18, 0],
      ])
    })

    test('a budget that refuses reserves what it expects, whatever a soft one of the same subject guesses', async () => {
      const hard = budget('guessed', 5000, 50)
      await taken(budget('guessed', 20, 1, { enforcement: 'soft' }), hard)
      expect(await used(hard)).toEqual([0, 50])
    })

    const strict = (counter: string, limit: number, amount: number): Asked =>
      budget(counter, limit, amount, { enforcement: 'strict' })

    test('a strict budget lets pass what fits, and one alone whatever it takes', async () => {
      const take = (amount: number): Asked => strict('strict', 100, amount)
      const [one, two] = [await taken(take(60)), await taken(take(40))]
      expect((await admit([take(1)])).refusedBy).toBe(0)
      // What is reserved is the most there can be: it does not grow.
      one.grow({ costNanoUsd: 50, tokens: 0 })
      expect(await used(take(0))).toEqual([0, 100])
      await settle(one, { costNanoUsd: 10, tokens: 0 })
      expect((await admit([take(51)])).refusedBy).toBe(0)
      await settle(two, { costNanoUsd: 20, tokens: 0 })
      // Nobody is there: one that may spend more than is left runs, and nobody beside it.
      const alone = await taken(take(500))
      expect((await admit([take(1)])).refusedBy).toBe(0)
      await settle(alone, { costNanoUsd: 69, tokens: 0 })
      expect(await used(take(0))).toEqual([99, 0])
      const last = await taken(take(2))
      await settle(last, { costNanoUsd: 2, tokens: 0 })
      expect((await admit([take(0)])).refusedBy).toBe(0)
    })

    test('a subject with a strict budget reserves the most there can be, for its other budgets too', async () => {
      const both = [budget('mixed', 1000, 5), strict('mixed', 100, 30)]
      const held = await taken(...both)
      expect(await used(both[0]!)).toEqual([0, 30])
      held.grow({ costNanoUsd: 7, tokens: 0 })
      await settle(held, { costNanoUsd: 4, tokens: 0 })
      expect(await used(both[1]!)).toEqual([4, 0])
    })

    test('a strict budget that counts what is included reserves the most there can be of it', async () => {
      const take = strict('workspace:o/strict&included', 100, 60)
      const held = await taken(take)
      held.grow({ costNanoUsd: 0, includedNanoUsd: 30, tokens: 0 })
      expect((await admit([strict(take.take.counter, 100, 41)])).refusedBy).toBe(0)
      expect(await used(take)).toEqual([0, 60])
      await settle(held, { costNanoUsd: 0, includedNanoUsd: 50, tokens: 0 })
      expect(await used(take)).toEqual([50, 0])
    })

    test('of a hundred at once of which nothing is known, one at a time passes a strict budget', async () => {
      const take = strict('unbounded', 100, 100)
      const both = shared ? [under.first, under.second] : [under.first]
      for (let round = 0; round < 3; round++) {
        const verdicts = await Promise.all(
          Array.from({ length: 100 }, (_, i) => admit([take], both[i % both.length])),
        )
        const [passed, ...more] = verdicts.flatMap(({ held }) => held ?? [])
        expect(more).toHaveLength(0)
        await settle(passed!, { costNanoUsd: 30, tokens: 0 })
      }
      expect(await used(take)).toEqual([90, 0])
    })

    test('the rule is one: whatever is asked for in whatever order, counters and rule say the same', async () => {
      let seed = 5
      const random = (below: number): number => {
        seed = (seed * 16_807) % 2_147_483_647
        return seed % below
      }
      const takes: Asked[] = [
        strict('rule', 60, 0),
        budget('rule', 80, 0),
        budget('rule of two', 40, 0, { unit: 'tokens', enforcement: 'strict' }),
        budget('rule of two', 40, 0, { enforcement: 'soft' }),
        concurrency('rule places', 3),
      ]
      let running: Held[] = []
      const seen = { admit: 0, wait: 0, refuse: 0 }
      for (let i = 0; i < 150; i++) {
        const amounts = takes.map(({ take }) => (take.kind === 'concurrency' ? 1 : random(25)))
        // One subject reserves once: the most of what its budgets ask for.
        amounts[1] = Math.min(amounts[1]!, amounts[0]!)
        const asked = takes.map(({ take }, index) => ({ take, amount: amounts[index]! }))
        const list = asked.map(({ take }) => take)
        const decision = decide(list, amounts, await under.first.read(list, NOW))
        const { held } = await admit(asked)
        expect([i, held !== undefined]).toEqual([i, decision.kind === 'admit'])
        seen[decision.kind] += 1
        if (held) running.push(held)
        if (random(3) > 0 || running.length === 0) continue
        const [ending] = running.splice(random(running.length), 1)
        ending!.ended()
        await settle(ending!, { costNanoUsd: random(4), tokens: random(2) })
        await eventually(async () => (await under.first.read([list[4]!], NOW))[0]!.used === running.length)
      }
      for (const held of running) held.ended()
      running = []
      expect(Math.min(seen.admit, seen.wait, seen.refuse)).toBeGreaterThan(0)
    })

    test('what the ledger knows counts, within its time only', async () => {
      const book = (slotMs: number, costNanoUsd: number): Promise<void> =>
        under.book({ subject: 'old hand', slotMs, costNanoUsd, tokens: 1 })
      await book(slotOf(NOW - 2 * DAY), 500)
      await book(slotOf(NOW - DAY), 30)
      await book(slotOf(NOW) - SLOT_MS, 40)
      expect(await used(budget('old hand', 100, 0))).toEqual([70, 0])
      expect(await used(budget('old hand', 100, 0, { startMs: 0, endMs: Infinity }))).toEqual([570, 0])
      expect((await admit([budget('old hand', 71, 1)])).refusedBy).toBe(-1)
      expect((await admit([budget('old hand', 70, 1)])).refusedBy).toBe(0)
    })

    test('what began before a rolling period moved on counts in it, when it is settled after', async () => {
      const before = budget('roller', 100, 10)
      const after = budget('roller', 100, 10, { startMs: slotOf(NOW - DAY) + SLOT_MS })
      const held = await taken(before)
      expect(await used(after)).toEqual([0, 10])
      await settle(held, { costNanoUsd: 9, tokens: 1 })
      expect(await used(before)).toEqual([9, 0])
      expect(await used(after)).toEqual([9, 0])
    })

    test('large amounts stay exact', async () => {
      const huge = 9_007_199_254_740_000
      const take = budget('treasury', huge, huge - 3)
      const held = await taken(take)
      await settle(held, { costNanoUsd: huge - 1, tokens: 999_999_999_999 })
      expect(await used(take)).toEqual([huge - 1, 0])
      expect((await admit([budget('treasury', huge, 1)])).refusedBy).toBe(-1)
      expect(await used(take)).toEqual([huge - 1, 1])
    })

    test('of two hundred at once exactly as many pass as there is room for', async () => {
      const takes = [rate('rush', 150), concurrency('hall', 120), budget('purse', 1000, 10)]
      const both = shared ? [under.first, under.second] : [under.first]
      const verdicts = await Promise.all(
        Array.from({ length: 200 }, (_, i) => admit(takes, both[i % both.length])),
      )
      expect(verdicts.filter(({ refusedBy }) => refusedBy < 0)).toHaveLength(100)
      expect(await used(takes[2]!)).toEqual([0, 1000])
      expect((await used(takes[0]!))[0]).toBe(100)
      expect((await used(takes[1]!))[0]).toBe(100)
    })

    if (!shared) return
    test('one gateway’s requests count for the other', async () => {
      const [take, place] = [budget('common', 50, 50), concurrency('bench', 1)]
      const held = await taken(take, place)
      expect((await admit([take], under.second)).refusedBy).toBe(0)
      expect((await admit([place], under.second)).refusedBy).toBe(0)
      held.ended()
      await settle(held, { costNanoUsd: 20, tokens: 0 })
      await eventually(async () => (await used(place, under.second))[0] === 0)
      expect(await used(take, under.second)).toEqual([20, 0])
    })
  })
}
