import { expect, test } from 'bun:test'
import { sampleTrace } from '../../test/support/trace.ts'
import { orderByLineage } from './lineage-order.ts'

interface Step {
  readonly id: string
  readonly at?: number
  readonly seq?: number
  readonly parent?: string
}

function order(...steps: Step[]): string[] {
  const traces = steps.map(({ id, at = 0, seq, parent }) =>
    sampleTrace({
      id,
      createdAtUs: at,
      metadata: {
        ...(seq === undefined ? {} : { lineage_checkpoint_seq: seq }),
        ...(parent === undefined ? {} : { lineage_parent_checkpoint_id: parent }),
      },
    }),
  )
  return orderByLineage(traces).map((trace) => trace.id)
}

test('sequence comes before time', () => {
  expect(order({ id: 'c', seq: 3, at: 1 }, { id: 'a', seq: 1, at: 2 }, { id: 'b', seq: 2, at: 3 })).toEqual([
    'a',
    'b',
    'c',
  ])
})

test('parents come before children, whatever time and sequence say', () => {
  expect(
    order(
      { id: 'step-3', parent: 'step-2', at: 1 },
      { id: 'step-2', parent: 'step-1', seq: 2, at: 2 },
      { id: 'step-1', at: 3 },
    ),
  ).toEqual(['step-1', 'step-2', 'step-3'])
  expect(order({ id: 'child', parent: 'parent', seq: 1 }, { id: 'parent', seq: 9 })).toEqual([
    'parent',
    'child',
  ])
})

test('traces with a sequence come before those without; then time, then id', () => {
  expect(
    order({ id: 'x', at: 1 }, { id: 'b', seq: 5, at: 9 }, { id: 'z', at: 2 }, { id: 'y', at: 2 }),
  ).toEqual(['b', 'x', 'y', 'z'])
})

test('cycles, unknown parents and self-parents lose nothing', () => {
  expect(
    order(
      { id: 'a', parent: 'b' },
      { id: 'b', parent: 'a' },
      { id: 'c', parent: 'nobody' },
      { id: 'd', parent: 'd' },
    ).sort(),
  ).toEqual(['a', 'b', 'c', 'd'])
})
