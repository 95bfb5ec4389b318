import { NO_RULES } from '../../src/access/key-rules.ts'
import type { StoredGatewayKey } from '../../src/access/key-store.ts'
import type { Storage } from '../../src/storage/contract/storage.ts'
import type { TenantDirectory } from '../../src/storage/contract/tenant-directory.ts'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'

/** A key as it is stored, known by a hash. */
export function sampleKey(hash: string, values: Partial<StoredGatewayKey> = {}): StoredGatewayKey {
  return {
    id: 'k',
    organizationId: 'o',
    workspaceId: 'w',
    name: '',
    description: '',
    createdBy: 'cli',
    role: 'viewer',
    scope: 'workspace',
    permissions: [],
    labels: {},
    rules: NO_RULES,
    limits: [],
    prefix: '',
    hash,
    scheme: 'sha256',
    previous: null,
    createdAtUs: 1,
    updatedAtUs: 1,
    expiresAtUs: null,
    lastUsedAtUs: null,
    revokedAtUs: null,
    ...values,
  }
}

const K = { organizationId: 'o', workspaceId: 'w', id: 'k' }

/** What every store must do with organizations, workspaces and gateway keys. `open` gives an empty store. */
export function tenantDirectoryContract(name: string, open: () => Promise<Storage>): void {
  describe(`tenant directory contract: ${name}`, () => {
    let storage: Storage
    let directory: TenantDirectory
    beforeEach(async () => {
      storage = await open()
      directory = storage.directory()
    })
    afterEach(() => storage.close())

    test('an installation has one id, whoever asks first', async () => {
      const ids = await Promise.all(Array.from({ length: 5 }, () => directory.installationId()))
      expect(new Set(ids).size).toBe(1)
      expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/)
    })

    test('a key comes back as it went in; its id and its token are taken', async () => {
      const key = sampleKey('hash-1', {
        name: 'Ünïcode',
        permissions: ['proxy:write'],
        labels: { team: 'x' },
        rules: { ...NO_RULES, models: ['gpt-*'] },
        expiresAtUs: 9,
        prefix: 'ogw_',
      })
      const before = await directory.keysVersion()
      expect(await directory.createKey(key, ['other'])).toBe(true)
      const list = await directory.activeKeys()
      expect(list.keys).toEqual([key])
      expect(list.version).toBeGreaterThan(before)
      expect(await directory.createKey(sampleKey('hash-2'), [])).toBe(false)
      expect(await directory.createKey(sampleKey('hash-1', { id: 'another' }), [])).toBe(false)
      expect(await directory.createKey(sampleKey('new', { id: 'another' }), ['hash-1'])).toBe(false)
      expect(await directory.createKey(sampleKey('hash-2', { workspaceId: 'other' }), [])).toBe(true)
      expect((await directory.activeKeys()).keys).toHaveLength(2)
    })

    test('a key changes only if it is as it was seen', async () => {
      await directory.createKey(sampleKey('hash-1'), [])
      expect(await directory.updateKey({ ...K, updatedAtUs: 2 }, { name: 'late' }, 5)).toBeUndefined()
      const changed = await directory.updateKey({ ...K, updatedAtUs: 1 }, { name: 'new' }, 5)
      expect(changed).toEqual(sampleKey('hash-1', { name: 'new', updatedAtUs: 5 }))
      expect(await directory.updateKey({ ...K, id: 'missing' }, { name: 'new' }, 5)).toBeUndefined()
    })

    test('a rotated key keeps its old token for the grace period; a taken token changes nothing', async () => {
      await directory.createKey(sampleKey('hash-1'), [])
      await directory.createKey(sampleKey('taken', { id: 'other' }), [])
      const token = { hash: 'hash-2', scheme: 'hmac-sha256', prefix: 'p', otherHashes: [] } as const
      expect(await directory.rotateKey(K, { ...token, hash: 'taken' }, 0, 5)).toBe('conflict')
      expect(await directory.rotateKey(K, { ...token, otherHashes: ['taken'] }, 0, 5)).toBe('conflict')
      expect(await directory.rotateKey({ ...K, id: 'missing' }, token, 0, 5)).toBeUndefined()
      expect(await directory.rotateKey(K, token, 100, 5)).toMatchObject({
        hash: 'hash-2',
        scheme: 'hmac-sha256',
        prefix: 'p',
        previous: { hash: 'hash-1', scheme: 'sha256', untilUs: 100 },
      })
    })

    test('a revoked key is gone for good, and its id stays taken', async () => {
      await directory.createKey(sampleKey('hash-1'), [])
      expect(await directory.revokeKey(K, 5)).toBe(true)
      expect(await directory.revokeKey(K, 6)).toBe(false)
      expect((await directory.activeKeys()).keys).toEqual([])
      expect(await directory.createKey(sampleKey('hash-2'), [])).toBe(false)
    })

    test('the last use of a key only moves forward, and is no change of the key', async () => {
      await directory.createKey(sampleKey('hash-1'), [])
      const version = await directory.keysVersion()
      await directory.touchKeys([{ ...K, atUs: 20 }])
      await directory.touchKeys([{ ...K, atUs: 10 }])
      expect((await directory.activeKeys()).keys[0]!.lastUsedAtUs).toBe(20)
      expect(await directory.keysVersion()).toBe(version)
    })

    test('a token gets another hash only from the one it has', async () => {
      await directory.createKey(sampleKey('hash-1'), [])
      await directory.adoptKey(K, 'another', 'hmac')
      expect((await directory.activeKeys()).keys[0]).toMatchObject({ hash: 'hash-1', scheme: 'sha256' })
      await directory.adoptKey(K, 'hash-1', 'hmac')
      expect((await directory.activeKeys()).keys[0]).toMatchObject({ hash: 'hmac', scheme: 'hmac-sha256' })
    })

    test('the first pepper stays until it is changed from what it was', async () => {
      expect(await directory.notedPepper()).toBeUndefined()
      expect(await directory.claimPepper('one')).toBe('one')
      expect(await directory.claimPepper('two')).toBe('one')
      await directory.changePepper('two', 'three')
      expect(await directory.notedPepper()).toBe('one')
      await directory.changePepper('one', 'three')
      expect(await directory.notedPepper()).toBe('three')
    })

    test('of all who ask, one is first; after its time another is', async () => {
      const asked = await Promise.all(Array.from({ length: 5 }, () => directory.once('warning', 10, 1)))
      expect(asked.filter((first) => first)).toHaveLength(1)
      expect(await directory.once('warning', 30, 20)).toBe(true)
    })

    test('adding entries twice adds them once', async () => {
      const entries = {
        organizations: [{ id: 'o', name: 'O', createdAtUs: 1 }],
        workspaces: [{ organizationId: 'o', id: 'w', name: 'W', createdAtUs: 1 }],
        keys: [sampleKey('hash-1')],
      }
      expect(await directory.add(entries)).toEqual({ organizations: 1, workspaces: 1, keys: 1 })
      expect(await directory.add(entries)).toEqual({ organizations: 0, workspaces: 0, keys: 0 })
    })
  })
}
