import type { KeyScheme } from '../../access/key-hash.ts'
import type { DirectoryEntries, StoredGatewayKey, TenantDirectory } from '../storage.ts'
import type { Read, Write } from './tables.ts'

/** Organizations, workspaces and gateway keys. */
export class TenantDirectoryQueries implements TenantDirectory {
  readonly #read: Read
  readonly #write: Write

  /** @param read of all tenants */
  constructor(read: Read, write: Write) {
    this.#read = read
    this.#write = write
  }

  activeKeys(): Promise<readonly StoredGatewayKey[]> {
    return this.#read(async (database) => {
      const rows = await database
        .selectFrom('gateway_keys')
        .selectAll()
        .where('revoked_at_us', 'is', null)
        .orderBy('created_at_us')
        .orderBy('id')
        .execute()
      return rows.map((row) => ({
        id: row.id,
        organizationId: row.organization_id,
        workspaceId: row.workspace_id,
        name: row.name,
        description: row.description,
        createdBy: row.created_by,
        role: row.role,
        permissions: JSON.parse(row.permissions) as string[],
        hash: row.hash,
        scheme: row.scheme as KeyScheme,
        createdAtUs: row.created_at_us,
        lastUsedAtUs: row.last_used_at_us,
        revokedAtUs: row.revoked_at_us,
      }))
    })
  }

  adoptKey(id: string, hmac: string): Promise<void> {
    return this.#write(async (database) => {
      await database
        .updateTable('gateway_keys')
        .set({ hash: hmac, scheme: 'hmac-sha256' })
        .where('id', '=', id)
        .where('scheme', '=', 'sha256')
        .execute()
    })
  }

  claimPepper(print: string): Promise<string> {
    return this.#write(async (database) => {
      await database
        .insertInto('installation')
        .values({ name: 'pepper_print', value: print })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      const row = await database
        .selectFrom('installation')
        .select('value')
        .where('name', '=', 'pepper_print')
        .executeTakeFirstOrThrow()
      return row.value
    })
  }

  add({ organizations, workspaces, keys }: DirectoryEntries): ReturnType<TenantDirectory['add']> {
    return this.#write(async (database) => {
      const added = { organizations: 0, workspaces: 0, keys: 0 }
      for (const { id, name, createdAtUs } of organizations) {
        const result = await database
          .insertInto('organizations')
          .values({ id, name, created_at_us: createdAtUs })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst()
        added.organizations += Number(result.numInsertedOrUpdatedRows ?? 0)
      }
      for (const { organizationId, id, name, createdAtUs } of workspaces) {
        const result = await database
          .insertInto('workspaces')
          .values({ organization_id: organizationId, id, name, created_at_us: createdAtUs })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst()
        added.workspaces += Number(result.numInsertedOrUpdatedRows ?? 0)
      }
      for (const key of keys) {
        const result = await database
          .insertInto('gateway_keys')
          .values({
            id: key.id,
            organization_id: key.organizationId,
            workspace_id: key.workspaceId,
            name: key.name,
            description: key.description,
            created_by: key.createdBy,
            role: key.role,
            permissions: JSON.stringify(key.permissions),
            hash: key.hash,
            scheme: key.scheme,
            created_at_us: key.createdAtUs,
            last_used_at_us: key.lastUsedAtUs,
            revoked_at_us: key.revokedAtUs,
          })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst()
        added.keys += Number(result.numInsertedOrUpdatedRows ?? 0)
      }
      return added
    })
  }
}
