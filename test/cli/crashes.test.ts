import { expect, test } from 'bun:test'
import { join } from 'node:path'

const CRASHES = join(import.meta.dir, '../../src/cli/report-crashes.ts')

test.each([
  `throw Object.assign(new Error('no https://u:canary@h/p'), { url: 'https://h/?key=canary' })`,
  `void Promise.reject(Object.assign(new Error('password=canary'), { password: 'canary' }))`,
  `setTimeout(() => { throw new Error('Bearer canary-0123456789') }, 1)`,
])('what ends the program is told without credentials: %s', async (code) => {
  const program = `import { reportCrashes } from '${CRASHES}'; reportCrashes(); ${code}`
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect(await child.exited).toBe(1)
  expect(err).toContain('[REDACTED]')
  expect(out + err).not.toContain('canary')
})

test('an error that carries a credential of the gateway does not show it', async () => {
  const held = join(import.meta.dir, '../../src/credentials/held-value.ts')
  const thrown = `Object.assign(new Error('of ' + value), { value, credential: { name: 'main', value } })`
  const program = `import { reportCrashes } from '${CRASHES}'; import { HeldValue } from '${held}'; reportCrashes(); const value = new HeldValue(['can', 'ary'].join('')); throw ${thrown}`
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'pipe' })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  expect(await child.exited).toBe(1)
  expect(err).toContain('of [credential]')
  expect(out + err).not.toContain('canary')
})
