import { expect, test } from 'bun:test'
import { mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockFile, lockOwner } from '../../src/files/file-lock.ts'

const MODULE = new URL('../../src/files/file-lock.ts', import.meta.url).href

test('a lock is held once, names its owner, and is free again when it is released', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lock-')), 'a.lock')
  const first = lockFile(path, 'first')
  expect(first.kind).toBe('held')
  expect(lockFile(path, 'second')).toEqual({ kind: 'taken', owner: 'first' })
  expect(lockOwner(path)).toBe('first')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  if (first.kind === 'held') first.lock.release()
  expect(lockOwner(path)).toBeUndefined()
  expect(lockFile(path, 'second').kind).toBe('held')
})

test('another process sees the lock, and a killed holder gives it back', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lock-')), 'a.lock')
  const holder = Bun.spawn(
    [
      process.execPath,
      '-e',
      `const { lockFile } = await import(${JSON.stringify(MODULE)})
       globalThis.kept = lockFile(${JSON.stringify(path)}, 'holder')
       console.log(globalThis.kept.kind)
       setInterval(() => {}, 1000)`,
    ],
    { stdout: 'pipe' },
  )
  const reader = holder.stdout.getReader()
  expect(Buffer.from((await reader.read()).value!).toString()).toBe('held\n')
  expect(lockFile(path, 'other')).toEqual({ kind: 'taken', owner: 'holder' })
  holder.kill('SIGKILL')
  await holder.exited
  expect(lockFile(path, 'other').kind).toBe('held')
})

test('looking for the owner creates no file', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'lock-')), 'none.lock')
  expect(lockOwner(path)).toBeUndefined()
  expect(() => statSync(path)).toThrow()
})
