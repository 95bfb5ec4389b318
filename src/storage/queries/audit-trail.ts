import type { ReadScope } from '../../access/key-store.ts'
import type { AuditAction, AuditEvent } from '../../audit/audit-event.ts'
import type { AuditFilter, AuditTrailStore, StoredAuditEvent } from '../contract/audit-trail.ts'
import { storableTexts } from '../storable.ts'
import { type Read, type Write, inScope } from './tables.ts'

/** The audit trail in a database. */
export class AuditTrailQueries implements AuditTrailStore {
  readonly #read: (scope: ReadScope | undefined) => Read
  readonly #write: Write

  /** @param read the rows of a scope, or all */
  constructor(read: (scope: ReadScope | undefined) => Read, write: Write) {
    this.#read = read
    this.#write = write
  }

  append(events: readonly AuditEvent[]): Promise<void> {
    return this.#write(async (database) => {
      for (const event of events.map(storableTexts)) {
        await database
          .insertInto('audit_events')
          .values({
            id: event.id,
            organization_id: event.organizationId,
            workspace_id: event.workspaceId,
            at_us: event.atUs,
            actor: event.actor,
            action: event.action,
            target: event.target,
            outcome: event.outcome,
            reason: event.reason,
            status: event.status,
            correlation_id: event.correlationId,
            client_address: event.clientAddress,
            detail: JSON.stringify(event.detail),
          })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute()
      }
    })
  }

  list(
    scope: ReadScope | undefined,
    { action, actor, outcome, fromUs, toUs }: AuditFilter,
    limit: number,
    beforeSeq: number,
  ): Promise<readonly StoredAuditEvent[]> {
    return this.#read(scope)(async (database) => {
      let query = database.selectFrom('audit_events').selectAll().orderBy('seq', 'desc').limit(limit)
      if (scope) query = query.where(inScope('audit_events', scope))
      if (beforeSeq > 0) query = query.where('seq', '<', beforeSeq)
      if (action !== undefined) query = query.where('action', '=', action)
      if (actor !== undefined) query = query.where('actor', '=', actor)
      if (outcome !== undefined) query = query.where('outcome', '=', outcome)
      if (fromUs !== undefined) query = query.where('at_us', '>=', fromUs)
      if (toUs !== undefined) query = query.where('at_us', '<=', toUs)
      return (await query.execute()).map((row) => ({
        seq: row.seq,
        id: row.id,
        organizationId: row.organization_id,
        workspaceId: row.workspace_id,
        atUs: row.at_us,
        actor: row.actor,
        action: row.action as AuditAction,
        target: row.target,
        outcome: row.outcome as AuditEvent['outcome'],
        reason: row.reason,
        status: row.status,
        correlationId: row.correlation_id,
        clientAddress: row.client_address,
        detail: JSON.parse(row.detail) as Record<string, unknown>,
      }))
    })
  }

  deleteBefore(beforeUs: number, limit: number): Promise<number> {
    return this.#write(async (database) => {
      const result = await database
        .deleteFrom('audit_events')
        .where('seq', 'in', (events) =>
          events
            .selectFrom('audit_events')
            .select('seq')
            .where('at_us', '<', beforeUs)
            .orderBy('at_us')
            .limit(limit),
        )
        .executeTakeFirst()
      return Number(result.numDeletedRows)
    })
  }
}
