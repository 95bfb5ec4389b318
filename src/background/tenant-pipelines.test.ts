import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { ANONYMOUS } from '../access/keyring.ts'
import type { Caller } from '../traces/exchange.ts'
import { countByTenant, TenantPipelines, type Fate } from './tenant-pipelines.ts'

const QUEUE = { maxBytes: 1024 * 1024, recordBytes: 2048 }
const FATES: readonly Fate[] = ['stored', 'journalled', 'quarantined', 'dropped']
const caller = (workspaceId: string, keyId: string): Caller => ({ ...ANONYMOUS, workspaceId, keyId })

test('whatever becomes of exchanges, each tenant sees its own, and nothing is missing of them', () => {
  const callers = [caller('one', 'a'), caller('one', 'b'), caller('two', 'a')]
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(2), fc.option(fc.constantFrom(...FATES)), fc.nat(3)), { maxLength: 100 }),
      (steps) => {
        const pipelines = new TenantPipelines()
        const accepted = { one: 0, two: 0 }
        for (const [who, fate, replayed] of steps) {
          const tenant = callers[who]!
          pipelines.accepted(tenant, 100)
          accepted[tenant.workspaceId as 'one' | 'two'] += 1
          if (fate) pipelines.settled(tenant, 100, fate)
          // More than was journalled: the others are of a process before.
          pipelines.replayed(countByTenant(Array.from({ length: replayed }, () => tenant)))
        }
        for (const workspace of ['one', 'two'] as const) {
          const own = pipelines.diagnostics(({ workspaceId }) => workspaceId === workspace, QUEUE)
          expect(own.enqueue_accepted_total).toBe(accepted[workspace])
          expect(own.journal_records).toBeGreaterThanOrEqual(0)
          expect(own.enqueue_accepted_total).toBe(
            own.stored_total +
              own.queue_depth +
              own.journal_records +
              own.quarantined_total +
              own.write_dropped_total,
          )
          expect(own.queue_bytes).toBe(own.queue_depth * 100)
        }
      },
    ),
  )
})

test('what comes out of the journal moves from there to what is stored', () => {
  const pipelines = new TenantPipelines()
  const tenant = caller('one', 'a')
  pipelines.accepted(tenant, 100)
  pipelines.settled(tenant, 100, 'journalled')
  expect(pipelines.diagnostics(() => true, QUEUE)).toMatchObject({ journal_records: 1, stored_total: 0 })
  pipelines.replayed(countByTenant([tenant, caller('unknown', 'x')]))
  expect(pipelines.diagnostics(() => true, QUEUE)).toMatchObject({
    journal_records: 0,
    stored_total: 1,
    spilled_total: 1,
    replayed_total: 1,
  })
})

test('an exchange that the queue had no room for is counted for its tenant', () => {
  const pipelines = new TenantPipelines()
  pipelines.refused(caller('one', 'a'))
  expect(pipelines.diagnostics(() => true, QUEUE)).toMatchObject({
    enqueue_accepted_total: 0,
    enqueue_dropped_total: 1,
    total_dropped_total: 1,
  })
  expect(pipelines.diagnostics(() => false, QUEUE).enqueue_dropped_total).toBe(0)
})
