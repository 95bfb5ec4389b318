import { sql } from 'kysely'
import type { SpendLedger, SpendSlot } from '../contract/spend-ledger.ts'
import type { Read, Write } from './tables.ts'

const DAY_US = 86_400_000_000

/** Of rows that are older than this the day is enough: no period but long rolling ones begins there. */
const FINE_US = 40 * DAY_US

/** Rows that are older than this are folded into one, so that only budgets of all time still see them. */
const FORGOTTEN_US = 730 * DAY_US

/** No instance is called so. */
const NOBODY = '-'

/** The ledger of spend in a database. The drivers write its rows, with the traces. */
export class SpendLedgerQueries implements SpendLedger {
  readonly #read: Read
  readonly #write: Write

  constructor(read: Read, write: Write) {
    this.#read = read
    this.#write = write
  }

  read(
    subjects: readonly string[],
    fromUs: number,
    except: readonly string[],
  ): Promise<readonly SpendSlot[]> {
    if (subjects.length === 0) return Promise.resolve([])
    return this.#read(async (database) => {
      const rows = await database
        .selectFrom('spend')
        .select(({ fn }) => [
          'subject',
          'slot_us',
          fn.sum<number>('cost_nano_usd').as('cost_nano_usd'),
          fn.sum<number>('tokens').as('tokens'),
          fn.sum<number>('assumed_nano_usd').as('assumed_nano_usd'),
          fn.sum<number>('unknown_cost_requests').as('unknown_cost_requests'),
        ])
        .where('subject', 'in', subjects)
        .where('slot_us', '>=', fromUs)
        .where('instance', 'not in', except.length > 0 ? except : [NOBODY])
        .groupBy(['subject', 'slot_us'])
        .orderBy('subject')
        .orderBy('slot_us')
        .execute()
      return rows.map((row) => ({
        subject: row.subject,
        slotUs: row.slot_us,
        costNanoUsd: row.cost_nano_usd,
        tokens: row.tokens,
        assumedNanoUsd: row.assumed_nano_usd,
        unknownCostRequests: row.unknown_cost_requests,
      }))
    })
  }

  fold(beforeUs: number, limit: number): Promise<number> {
    return this.#write(async (database) => {
      const rows = await database
        .selectFrom('spend')
        .selectAll()
        .where('slot_us', '<', beforeUs)
        .where('slot_us', '>', 0)
        .where((where) =>
          where.or([
            where('instance', '<>', ''),
            where('slot_us', '<', beforeUs - FORGOTTEN_US),
            where.and([
              where('slot_us', '<', beforeUs - FINE_US),
              where(sql<number>`slot_us % ${sql.lit(DAY_US)}`, '<>', 0),
            ]),
          ]),
        )
        .limit(limit)
        .execute()
      for (const row of rows) {
        await database
          .deleteFrom('spend')
          .where('subject', '=', row.subject)
          .where('slot_us', '=', row.slot_us)
          .where('instance', '=', row.instance)
          .execute()
        const folded = {
          ...row,
          instance: '',
          slot_us: coarse(row.slot_us, beforeUs),
        }
        await database
          .insertInto('spend')
          .values(folded)
          .onConflict((conflict) =>
            conflict.columns(['subject', 'slot_us', 'instance']).doUpdateSet({
              cost_nano_usd: sql`spend.cost_nano_usd + excluded.cost_nano_usd`,
              tokens: sql`spend.tokens + excluded.tokens`,
              assumed_nano_usd: sql`spend.assumed_nano_usd + excluded.assumed_nano_usd`,
              unknown_cost_requests: sql`spend.unknown_cost_requests + excluded.unknown_cost_requests`,
            }),
          )
          .execute()
      }
      return rows.length
    })
  }
}

/** The slot that a row of a time is kept in. */
function coarse(slotUs: number, beforeUs: number): number {
  if (slotUs < beforeUs - FORGOTTEN_US) return 0
  return slotUs < beforeUs - FINE_US ? slotUs - (slotUs % DAY_US) : slotUs
}
