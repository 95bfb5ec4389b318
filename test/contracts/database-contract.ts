import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/contract/storage.ts'
import { MIGRATIONS } from '../../src/storage/migrations/migrations.ts'

/** What every store must say of its database. `open` gives an empty store. */
export function databaseContract(name: string, open: () => Promise<Storage>): void {
  describe(`database contract: ${name}`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(() => storage.close())

    test('a new database has every migration, is whole and answers', async () => {
      const { applied, appliedNow, server } = await storage.state()
      const names = MIGRATIONS.map((migration) => migration.name).sort()
      expect([...applied]).toEqual(names)
      // A copy of a new database has them already.
      expect([names, []]).toContainEqual([...appliedNow].sort())
      expect(server).toMatch(/^(SQLite|PostgreSQL) \d/)
      expect(await storage.damage()).toEqual([])
      await storage.ping()
      expect(await storage.sizeBytes()).toBeGreaterThan(0)
    })

    test('giving space back comes to an end', async () => {
      for (let i = 0; await storage.shrink(); i += 1) expect(i).toBeLessThan(100)
    })

    test('an error of no database is of no known class', () => {
      expect(storage.classify(new Error('not a database error'))).toBe('unknown')
      expect(storage.classify('text')).toBe('unknown')
    })
  })
}
