import type {
  KeyList,
  KeyReference,
  KeySettings,
  NewTokenHash,
  SeenKey,
  StoredGatewayKey,
} from '../../access/key-store.ts'
import type { DirectoryEntries, TenantDirectory } from '../contract/tenant-directory.ts'
import type { GatewayKeysTable, InstallationTable, Tables } from '../schema.ts'
import { fromKeyRow, toKeyRow, toSettingsRow } from './gateway-key-rows.ts'
import type { Read, Write } from './tables.ts'
import { type InsertObject, type Kysely, type Selectable, sql } from 'kysely'

/** Organizations, workspaces and gateway keys. */
export class TenantDirectoryQueries implements TenantDirectory {
  readonly #read: Read
  readonly #write: Write

  /** @param read of all tenants */
  constructor(read: Read, write: Write) {
    this.#read = read
    this.#write = write
  }

  activeKeys(): Promise<KeyList> {
    return this.#read(async (database) => {
      const rows = await database
        .selectFrom('gateway_keys')
        .selectAll()
        .where('revoked_at_us', 'is', null)
        .orderBy('created_at_us')
        .orderBy('id')
        .orderBy('organization_id')
        .orderBy('workspace_id')
        .execute()
      return { version: await readVersion(database), keys: rows.map(fromKeyRow) }
    })
  }

  keysVersion(): Promise<number> {
    return this.#read(readVersion)
  }

  createKey(key: StoredGatewayKey, otherHashes: readonly string[]): Promise<boolean> {
    return this.#write(async (database) => {
      // Revoked ids stay taken, and so does a token that is still good for its grace.
      if (await isTaken(database, [key.hash, ...otherHashes], key)) return false
      const { organizationId, workspaceId, createdAtUs } = key
      await insertNew(database, 'organizations', {
        id: organizationId,
        name: organizationId,
        created_at_us: createdAtUs,
      })
      await insertNew(database, 'workspaces', {
        organization_id: organizationId,
        id: workspaceId,
        name: workspaceId,
        created_at_us: createdAtUs,
      })
      await database.insertInto('gateway_keys').values(toKeyRow(key)).execute()
      await this.#changed(database)
      return true
    })
  }

  updateKey(
    key: SeenKey,
    settings: Partial<KeySettings>,
    nowUs: number,
  ): Promise<StoredGatewayKey | undefined> {
    return this.#change(key, { ...toSettingsRow(settings), updated_at_us: nowUs })
  }

  rotateKey(
    key: SeenKey,
    { hash, scheme, prefix, otherHashes }: NewTokenHash,
    graceUntilUs: number,
    nowUs: number,
  ): ReturnType<TenantDirectory['rotateKey']> {
    return this.#write(async (database) => {
      const before = await activeKey(database, key)
      if (!before) return undefined
      if (await isTaken(database, [hash, ...otherHashes])) return 'conflict'
      const row = await update(database, key, {
        hash,
        scheme,
        prefix,
        previous_hash: graceUntilUs > nowUs ? before.hash : '',
        previous_scheme: before.scheme,
        previous_until_us: graceUntilUs,
        updated_at_us: nowUs,
      })
      await this.#changed(database)
      return row && fromKeyRow(row)
    })
  }

  async revokeKey(key: SeenKey, nowUs: number): Promise<boolean> {
    return (await this.#change(key, { revoked_at_us: nowUs, updated_at_us: nowUs })) !== undefined
  }

  touchKeys(uses: readonly (KeyReference & { readonly atUs: number })[]): Promise<void> {
    return this.#write(async (database) => {
      for (const { atUs, ...key } of uses) {
        await database
          .updateTable('gateway_keys')
          .set({ last_used_at_us: atUs })
          .where('organization_id', '=', key.organizationId)
          .where('workspace_id', '=', key.workspaceId)
          .where('id', '=', key.id)
          .where((where) =>
            where.or([where('last_used_at_us', 'is', null), where('last_used_at_us', '<', atUs)]),
          )
          .execute()
      }
    })
  }

  adoptKey(key: KeyReference, before: string, hmac: string): Promise<void> {
    return this.#write(async (database) => {
      await database
        .updateTable('gateway_keys')
        .set({ hash: hmac, scheme: 'hmac-sha256' })
        .where('organization_id', '=', key.organizationId)
        .where('workspace_id', '=', key.workspaceId)
        .where('id', '=', key.id)
        .where('hash', '=', before)
        .execute()
      await this.#changed(database)
    })
  }

  changePepper(before: string, print: string): Promise<void> {
    return this.#write(async (database) => {
      await database
        .updateTable('installation')
        .set({ value: print })
        .where('name', '=', 'pepper_print')
        .where('value', '=', before)
        .execute()
    })
  }

  once(name: string, untilUs: number, nowUs: number): Promise<boolean> {
    return this.#write(async (database) => {
      await database.deleteFrom('once').where('until_us', '<', nowUs).execute()
      return (await insertNew(database, 'once', { name, until_us: untilUs })) > 0
    })
  }

  claimPepper(print: string): Promise<string> {
    return this.#claim('pepper_print', print)
  }

  notedPepper(): Promise<string | undefined> {
    return this.#read(async (database) => {
      const query = database.selectFrom('installation').select('value').where('name', '=', 'pepper_print')
      return (await query.executeTakeFirst())?.value
    })
  }

  installationId(): Promise<string> {
    return this.#claim('id', crypto.randomUUID())
  }

  /** Records a fact of the installation unless there is one. @returns the recorded one */
  #claim(name: InstallationTable['name'], value: string): Promise<string> {
    return this.#write(async (database) => {
      await database
        .insertInto('installation')
        .values({ name, value })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const row = await database
        .selectFrom('installation')
        .select('value')
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      return row.value
    })
  }

  add({ organizations, workspaces, keys }: DirectoryEntries): ReturnType<TenantDirectory['add']> {
    return this.#write(async (database) => {
      const added = { organizations: 0, workspaces: 0, keys: 0 }
      for (const { id, name, createdAtUs } of organizations) {
        added.organizations += await insertNew(database, 'organizations', {
          id,
          name,
          created_at_us: createdAtUs,
        })
      }
      for (const { organizationId, id, name, createdAtUs } of workspaces) {
        added.workspaces += await insertNew(database, 'workspaces', {
          organization_id: organizationId,
          id,
          name,
          created_at_us: createdAtUs,
        })
      }
      for (const key of keys) added.keys += await insertNew(database, 'gateway_keys', toKeyRow(key))
      if (added.keys > 0) await this.#changed(database)
      return added
    })
  }

  /** Changes a key that is not revoked. */
  #change(
    key: SeenKey,
    columns: KeyColumns & { readonly updated_at_us: number },
  ): Promise<StoredGatewayKey | undefined> {
    return this.#write(async (database) => {
      const row = await update(database, key, columns)
      if (row) await this.#changed(database)
      return row && fromKeyRow(row)
    })
  }

  /** Notifies every gateway that keys have changed. */
  async #changed(database: Kysely<Tables>): Promise<void> {
    await database
      .updateTable('counters')
      .set((set) => ({ value: set('value', '+', 1) }))
      .where('name', '=', 'gateway_keys_version')
      .execute()
  }
}

async function readVersion(database: Kysely<Tables>): Promise<number> {
  const row = await database
    .selectFrom('counters')
    .select('value')
    .where('name', '=', 'gateway_keys_version')
    .executeTakeFirstOrThrow()
  return row.value
}

type KeyRow = Selectable<GatewayKeysTable>
type KeyColumns = Partial<KeyRow>

async function activeKey(database: Kysely<Tables>, key: SeenKey): Promise<KeyRow | undefined> {
  return database
    .selectFrom('gateway_keys')
    .selectAll()
    .where('organization_id', '=', key.organizationId)
    .where('workspace_id', '=', key.workspaceId)
    .where('id', '=', key.id)
    .where('revoked_at_us', 'is', null)
    .$if(key.updatedAtUs !== undefined, (query) => query.where('updated_at_us', '=', key.updatedAtUs!))
    .executeTakeFirst()
}

/** Every change has a time of its own, so that a change based on an older reading is noticed. */
async function update(
  database: Kysely<Tables>,
  key: SeenKey,
  columns: KeyColumns & { readonly updated_at_us: number },
): Promise<KeyRow | undefined> {
  const later = sql<number>`CASE WHEN updated_at_us < ${columns.updated_at_us} THEN ${columns.updated_at_us}
    ELSE updated_at_us + 1 END`
  return database
    .updateTable('gateway_keys')
    .set({ ...columns, updated_at_us: later })
    .where('organization_id', '=', key.organizationId)
    .where('workspace_id', '=', key.workspaceId)
    .where('id', '=', key.id)
    .where('revoked_at_us', 'is', null)
    .$if(key.updatedAtUs !== undefined, (query) => query.where('updated_at_us', '=', key.updatedAtUs!))
    .returningAll()
    .executeTakeFirst()
}

/** Whether a token is known already, as one that counts or one that did before a rotation; or a key of this place. */
async function isTaken(
  database: Kysely<Tables>,
  hashes: readonly string[],
  place?: KeyReference,
): Promise<boolean> {
  const row = await database
    .selectFrom('gateway_keys')
    .select('id')
    .where((where) =>
      where.or([
        where('hash', 'in', hashes),
        where('previous_hash', 'in', hashes),
        ...(place
          ? [
              where.and([
                where('organization_id', '=', place.organizationId),
                where('workspace_id', '=', place.workspaceId),
                where('id', '=', place.id),
              ]),
            ]
          : []),
      ]),
    )
    .executeTakeFirst()
  return row !== undefined
}

/** Inserts a row unless it conflicts with another. @returns how many were inserted */
async function insertNew<Table extends 'organizations' | 'workspaces' | 'gateway_keys' | 'once'>(
  database: Kysely<Tables>,
  table: Table,
  row: InsertObject<Tables, Table>,
): Promise<number> {
  const result = await database
    .insertInto(table)
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows ?? 0)
}
