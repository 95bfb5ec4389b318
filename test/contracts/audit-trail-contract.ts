import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { auditEvent } from '../../src/audit/audit-event.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { StoredAuditEvent } from '../../src/storage/contract/audit-trail.ts'

const idsOf = (events: readonly StoredAuditEvent[]): string[] => events.map(({ id }) => id)

/** What every store must do with audit events. `open` gives an empty store. */
export function auditTrailContract(name: string, open: () => Promise<Storage>): void {
  describe(`audit trail contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    test('events come back whole, newest first, page by page, each once', async () => {
      const trail = storage.auditTrail()
      const events = Array.from({ length: 5 }, (_, i) => ({
        ...auditEvent({
          actor: `k${i}`,
          action: 'key.create',
          target: 'ü 😀',
          reason: 'policy',
          status: 201,
          correlationId: 'c',
          clientAddress: '::1',
          detail: { n: i },
        }),
        id: `event-${i}`,
        atUs: 1000 + i,
      }))
      await trail.append(events)
      await trail.append(events.slice(1, 3))
      const first = await trail.list(undefined, {}, 2, 0)
      expect(first).toMatchObject([events[4]!, events[3]!])
      const second = await trail.list(undefined, {}, 10, first[1]!.seq)
      expect(idsOf(second)).toEqual(['event-2', 'event-1', 'event-0'])
    })

    test('every filter holds', async () => {
      const trail = storage.auditTrail()
      await trail.append([
        { ...auditEvent({ actor: 'a', action: 'key.create' }), id: 'created', atUs: 1000 },
        { ...auditEvent({ actor: 'b', action: 'key.revoke' }), id: 'revoked', atUs: 2000 },
        {
          ...auditEvent({ actor: 'b', action: 'gateway_auth', outcome: 'deny' }),
          id: 'denied',
          atUs: 3000,
        },
      ])
      const list = async (filter: object): Promise<string[]> =>
        idsOf(await trail.list(undefined, filter, 10, 0))
      expect(await list({ action: 'key.create' })).toEqual(['created'])
      expect(await list({ actor: 'b' })).toEqual(['denied', 'revoked'])
      expect(await list({ outcome: 'deny' })).toEqual(['denied'])
      expect(await list({ fromUs: 2000, toUs: 2000 })).toEqual(['revoked'])
    })

    test('a tenant sees its own events; events of no tenant are seen by those who may', async () => {
      const trail = storage.auditTrail()
      const of = (id: string, organizationId: string, workspaceId: string): object => ({
        ...auditEvent({ actor: 'k', action: 'gateway_auth', organizationId, workspaceId }),
        id,
      })
      await trail.append([
        of('a1', 'a', '1'),
        of('a2', 'a', '2'),
        of('b1', 'b', '1'),
        of('none', '', ''),
      ] as never)
      const seen = async (scope: Parameters<typeof trail.list>[0]): Promise<string[]> =>
        idsOf(await trail.list(scope, {}, 10, 0))
      expect(await seen({ organizationId: 'a', workspaceIds: ['1'] })).toEqual(['a1'])
      expect(await seen({ organizationId: 'a', workspaceIds: 'all' })).toEqual(['a2', 'a1'])
      expect(await seen({ organizationId: 'a', workspaceIds: 'all', unowned: true })).toEqual([
        'none',
        'a2',
        'a1',
      ])
      expect(await seen({ organizationId: '', workspaceIds: [''] })).toEqual([])
    })

    test('retention deletes the oldest first, at most as many as asked', async () => {
      const trail = storage.auditTrail()
      await trail.append(
        [3, 1, 2].map((n) => ({
          ...auditEvent({ actor: 'k', action: 'key.create' }),
          id: `e${n}`,
          atUs: n * 1000,
        })),
      )
      expect(await trail.deleteBefore(3000, 1)).toBe(1)
      expect(idsOf(await trail.list(undefined, {}, 10, 0)).sort()).toEqual(['e2', 'e3'])
      expect(await trail.deleteBefore(3000, 10)).toBe(1)
      expect(await trail.deleteBefore(3000, 10)).toBe(0)
    })
  })
}
