import { expect, test } from 'bun:test'
import { installTestPackage } from '../support/test-package.ts'

await installTestPackage('clients')

// `npm run check` does without the SDKs, and so without the files that import them.
test('what drives the SDKs has the types that they ask for', () => {
  const words = [process.execPath, 'check', '--no-script', '--no-pretty', '-p', import.meta.dir]
  const { exitCode, stdout, stderr } = Bun.spawnSync(words)
  const output = stdout.toString() + stderr.toString()
  expect(output).toContain('No type errors')
  expect(exitCode).toBe(0)
}, 60_000)
